"""Members as ONNX files for other runtimes, each compared with torch before it is kept."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from models_ml.core.answers.metrics import softmax
from models_ml.core.answers.predict import finished_members, load_member
from models_ml.core.config import to_dict
from models_ml.core.errors import Cancelled, CoreError
from models_ml.core.events import ExportProgress, Listener
from models_ml.core.files import replacing, sha256_file, write_json
from models_ml.core.pictures.pixels import LETTERBOX_GREY
from models_ml.core.training import checkpoint

OPSET = 17
TOLERANCE = 1e-4
FACTS = "export.json"


@dataclass(frozen=True)
class Exported:
    """difference: the largest difference of a probability between ONNX Runtime and torch on 8 random pictures."""

    path: Path
    difference: float


def export_run(
    run_dir: Path | str,
    out: Path | str,
    *,
    tolerance: float = TOLERANCE,
    on_event: Listener | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[Exported]:
    """Write ``OUT/<member>.onnx`` (input image float (N, 3, size, size), 0 to 1; output logits) and ``export.json``.

    A member whose probabilities differ from torch's by more than ``tolerance`` is not kept: CoreError.
    """
    for name in ("onnx", "onnxruntime"):
        if find_spec(name) is None:
            raise CoreError(f"The export needs the package {name}; install requirements-dev.txt.")
    info, out = checkpoint.read_run(run_dir), Path(out)
    tell, cancelled = on_event or (lambda event: None), cancelled or (lambda: False)
    found, members = [], finished_members(info)
    (out / FACTS).unlink(missing_ok=True)  # what it says is no longer true of all files until all are written
    for done, (name, _) in enumerate(members, 1):
        if cancelled():
            raise Cancelled(f"The export was cancelled after {done - 1} of {len(members)} members.")
        network = load_member(info, name, "cpu")
        found.append(_export(network, info.cfg.data.size_px, out / f"{name}.onnx", tolerance))
        tell(ExportProgress(progress=done / len(members), member=name, done=done, total=len(members)))
    weights = [digest for _, digest in members]
    write_json(out / FACTS, _facts(info, found, weights) | {"tolerance": tolerance})
    return found


def _facts(info: checkpoint.RunInfo, found: list[Exported], weights: list[str]) -> dict:
    """What one must know to get the site's own answers from the files. weights: hashes of the members' weight files."""
    data = info.cfg.data
    return {
        "schema": "classifier-onnx/2",
        "classes": list(info.labels.names),
        "own": list(info.labels.own),
        "size_px": data.size_px,
        "fit": data.fit,
        "fill": LETTERBOX_GREY if data.fit == "letterbox" else None,
        "resample": data.resample,
        "input": "image, float32 (N, 3, size, size), RGB, 0 to 1; normalisation is inside",
        "output": "logits; their softmax are the member's probabilities, in the order of classes",
        "precision": info.cfg.recipe.precision,  # of the run's own predictions; the files compute in fp32
        "views": info.cfg.recipe.tta_views,  # 8: logits are averaged over the picture's rotations and mirror images
        "ensemble": to_dict(info.cfg.ensemble),
        "files": {
            e.path.name: {"sha256": sha256_file(e.path), "weights_sha256": digest, "difference": e.difference}
            for e, digest in zip(found, weights)
        },
    }


def _export(network, size_px: int, path: Path, tolerance: float = TOLERANCE) -> Exported:
    import onnxruntime
    import torch

    image = torch.rand(8, 3, size_px, size_px, generator=torch.Generator().manual_seed(0))
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (image[:1],), buffer, input_names=["image"], output_names=["logits"], opset_version=OPSET,
            dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}}, dynamo=False,
        )  # fmt: skip
        expected = softmax(network(image).numpy())
    session = onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": image.numpy()})
    difference = float(np.abs(softmax(logits) - expected).max())
    if not difference <= tolerance:
        raise CoreError(
            f"{path.name} was not kept: its probabilities differ from torch's by up to {difference:.1e}, and at most "
            f"{tolerance:.0e} is asked for. Train with another backbone, or allow more with --tolerance."
        )
    with replacing(path) as part:
        part.write_bytes(buffer.getvalue())
    return Exported(path, difference)
