"""Members as ONNX files for other runtimes, each compared with torch before it is kept."""

import io
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from models_ml.core.answers.metrics import softmax
from models_ml.core.answers.predict import finished_members, load_member
from models_ml.core.errors import CoreError
from models_ml.core.files import replacing, sha256_file, write_json
from models_ml.core.training import checkpoint

OPSET = 17


@dataclass(frozen=True)
class Exported:
    """difference: the largest difference of a probability between ONNX Runtime and torch on 8 random pictures."""

    path: Path
    difference: float


def export_run(run_dir: Path | str, out: Path | str) -> list[Exported]:
    """Write ``OUT/<member>.onnx`` (input image float (N, 3, size, size), 0 to 1; output logits) and ``export.json``."""
    for name in ("onnx", "onnxruntime"):
        if find_spec(name) is None:
            raise CoreError(f"The export needs the package {name}; install requirements-dev.txt.")
    info, out = checkpoint.read_run(run_dir), Path(out)
    found = []
    for name, _ in finished_members(info):
        network = load_member(info, name, "cpu")
        found.append(_export(network, info.cfg.data.size_px, out / f"{name}.onnx"))
    facts = {
        "schema": "classifier-onnx/1",
        "classes": list(info.labels.names),
        "own": list(info.labels.own),
        "size_px": info.cfg.data.size_px,
        "fit": info.cfg.data.fit,
        "input": "image, float32 (N, 3, size, size), RGB, 0 to 1; normalisation is inside",
        "files": {e.path.name: {"sha256": sha256_file(e.path), "difference": e.difference} for e in found},
    }
    write_json(out / "export.json", facts)
    return found


def _export(network, size_px: int, path: Path) -> Exported:
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
    with replacing(path) as part:
        part.write_bytes(buffer.getvalue())
    return Exported(path, float(np.abs(softmax(logits) - expected).max()))
