"""Is this machine, and is that run directory, in order? Every finding is one sentence."""

import os
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from models_ml.core.errors import CoreError
from models_ml.core.training import checkpoint
from models_ml.core.training.card import versions

GIB = 2**30


@dataclass(frozen=True)
class Finding:
    ok: bool
    text: str


def examine(run_dir: Path | str | None = None) -> list[Finding]:
    """Packages, device, and, when given, the run: heading, every member's checksums, how far each fold is."""
    found = [Finding(True, f"{name} {value}") for name, value in versions().items() if value != "not installed"]
    for name in ("torch", "timm", "captum", "safetensors", "PIL", "scipy"):
        if find_spec(name) is None:
            found.append(Finding(False, f"{name} is not installed; install requirements.txt"))
    for name in ("onnx", "onnxruntime"):
        if find_spec(name) is None:
            found.append(Finding(True, f"{name} is not installed; only the command export needs it"))
    if find_spec("torch"):
        found.append(_device())
    found += _room()
    if run_dir is not None:
        found += _run(Path(run_dir))
    return found


def _device() -> Finding:
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        others = torch.cuda.device_count() - 1
        more = f"; {others} more, for torchrun or --device cuda:1" if others else ""
        return Finding(
            True, f"GPU {torch.cuda.get_device_name()}, {free / GIB:.0f} of {total / GIB:.0f} GiB free, bfloat16 "
            f"{'by its own units' if torch.cuda.is_bf16_supported(False) else 'not by its own units: use fp32'}{more}"
        )  # fmt: skip
    return Finding(True, f"no GPU; {torch.get_num_threads()} processor threads")


def _room() -> list[Finding]:
    """Main memory and the disk of this folder."""
    found = [Finding(True, f"{shutil.disk_usage('.').free / GIB:.0f} GiB free on the disk of this folder")]
    if "SC_AVPHYS_PAGES" in os.sysconf_names:
        page = os.sysconf("SC_PAGE_SIZE")
        free, total = (os.sysconf(name) * page / GIB for name in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES"))
        found.append(Finding(True, f"main memory: {free:.0f} of {total:.0f} GiB free"))
    return found


def _run(folder: Path) -> list[Finding]:
    try:
        info = checkpoint.read_run(folder)
    except CoreError as error:
        return [Finding(False, str(error))]
    found = [Finding(True, f"{folder}: {len(info.labels.names)} classes, folds {', '.join(map(str, info.folds))}")]
    for fold in info.folds:
        part = checkpoint.fold_folder(folder, fold)
        try:
            result = checkpoint.read_result(part)
            if result is None:
                begun = "begun, not ended" if (part / checkpoint.STATE).is_file() else "not begun"
                found.append(Finding(True, f"fold {fold}: {begun}"))
                continue
            for line in (part / checkpoint.SUMS).read_text().splitlines():
                checkpoint.check_sum(part / line.split("  ", 1)[1])
            found.append(Finding(True, f"fold {fold}: {result.status}, checksums agree"))
        except CoreError as error:
            found.append(Finding(False, str(error)))
        except OSError as error:
            found.append(Finding(False, f"{error.filename}: {error.strerror}"))
    return found
