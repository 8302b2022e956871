"""Is this machine, and is that run directory, in order? Every finding is one sentence."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from models_ml.core import checkpoint
from models_ml.core.card import versions
from models_ml.core.errors import CoreError


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
    if run_dir is not None:
        found += _run(Path(run_dir))
    return found


def _device() -> Finding:
    import torch

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        return Finding(True, f"GPU {torch.cuda.get_device_name()}, {free / 2**30:.0f} of {total / 2**30:.0f} GiB free")
    return Finding(True, f"no GPU; {torch.get_num_threads()} processor threads")


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
