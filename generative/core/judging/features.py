"""Pictures to feature vectors, for distances that mean something. Pictures enter as uint8 (N, 3, H, W).

The default is the study's own classifier: a fold folder with config.toml and weights.safetensors. Another backbone
needs its name and a weights file. Without either, `DrawnFeatures` takes fixed random convolutions: good enough to see a
run go wrong, and named in every result so that nobody takes it for more.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np

from generative.core.device import device_in_words
from generative.core.errors import InputError
from generative.core.networks.weights import file_sha256

BATCH = 64
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _in_batches(function, images: np.ndarray, device: str) -> np.ndarray:
    import torch

    with torch.no_grad():
        parts = [function(torch.from_numpy(images[i : i + BATCH]).to(device).float() / 255) for i in range(0, len(images), BATCH)]
    return torch.cat(parts).double().cpu().numpy()


def _computed_on(device: str) -> str:
    """What the identity of vectors says of a GPU: those that it made are not a processor's to the bit, and are kept apart."""
    return "" if str(device) == "cpu" else f" on {device_in_words(str(device))}"


def _resized(images, size_px: int):
    import torch.nn.functional as F

    if images.shape[-1] == size_px:
        return images
    return F.interpolate(images, size=(size_px, size_px), mode="bicubic", antialias=True, align_corners=False)


class DrawnFeatures:
    """Three layers of seeded random convolutions, means and spreads of their maps, at 32 px: 224 numbers."""

    name = "random convolutions (seed 0, 32 px; not a trained network)"
    size_px = 32
    classes: tuple[str, ...] = ()

    def __init__(self, device: str = "cpu"):
        import torch

        self.device = device
        draw = torch.Generator().manual_seed(0)
        widths = (3, 16, 32, 64)
        self.weights = [
            (torch.randn(o, i, 3, 3, generator=draw) / (9 * i) ** 0.5).to(device)
            for i, o in zip(widths[:-1], widths[1:], strict=True)
        ]

    @property
    def identity(self) -> str:
        return self.name + _computed_on(self.device)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return _in_batches(self._features, images, self.device)

    def _features(self, images):
        import torch
        import torch.nn.functional as F

        x, parts = _resized(images, self.size_px) * 4 - 2, []
        for weight in self.weights:
            x = F.leaky_relu(F.conv2d(x, weight, stride=2, padding=1), 0.2) * 1.4
            parts += [x.mean(dim=(2, 3)), x.std(dim=(2, 3))]
        return torch.cat(parts, dim=1)


class BackboneFeatures:
    """Pooled features of a timm backbone with weights from a .safetensors file."""

    classes: tuple[str, ...] = ()

    def __init__(
        self,
        backbone: str,
        weights: Path,
        *,
        size_px: int,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        arguments: dict | None = None,
        prefix: str = "",
        device: str = "cpu",
    ):
        import timm
        import torch

        state = _read_safetensors(weights)
        try:
            self.network = timm.create_model(backbone, pretrained=False, num_classes=0, **(arguments or {})).eval()
        except (RuntimeError, TypeError) as error:
            raise InputError(f"The backbone {backbone!r} cannot be built: {error}.") from error
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        result = self.network.load_state_dict(own, strict=False)
        if result.missing_keys:
            raise InputError(
                f"{weights} lacks {len(result.missing_keys)} tensors of {backbone}: {result.missing_keys[0]}."
            )
        self.size_px, self.device = size_px, device
        self.network.to(device)
        self.mean, self.std = (torch.tensor(three, device=device).view(1, -1, 1, 1) for three in (mean, std))
        self.name = f"{backbone} ({Path(weights).name}, {size_px} px)"
        self.identity = f"{self.name} {file_sha256(weights)} {tuple(mean)} {tuple(std)} {arguments}{_computed_on(device)}"

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return _in_batches(self._features, images, self.device)

    def _features(self, images):
        return self.network((_resized(images, self.size_px).clamp(0, 1) - self.mean) / self.std)


class ClassifierFeatures(BackboneFeatures):
    """A trained fold of the study's own classifier: penultimate features, and class probabilities."""

    def __init__(self, folder: Path, device: str = "cpu"):
        from safetensors import SafetensorError, safe_open

        folder = Path(folder)
        try:
            settings = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
            spec, size = settings["model"], settings["data"]["size_px"]
            with safe_open(folder / "weights.safetensors", framework="pt") as handle:
                self.classes = tuple(json.loads((handle.metadata() or {})["classes"]))
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise InputError(
                f"{folder} is not a classifier's fold (config.toml, weights.safetensors with class names): "
                f"{getattr(error, 'strerror', None) or error}. Give RUN/fold0, BACKBONE:FILE.safetensors:PX or random."
            ) from error
        super().__init__(
            spec["backbone"], folder / "weights.safetensors", size_px=size, mean=spec.get("mean", IMAGENET_MEAN),
            std=spec.get("std", IMAGENET_STD), arguments=spec.get("backbone_args") or {}, prefix="backbone.", device=device,
        )  # fmt: skip
        state = _read_safetensors(folder / "weights.safetensors")
        self.weight, self.bias = (
            state["head.linear.weight"].double().numpy(),
            state["head.linear.bias"].double().numpy(),
        )

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) from features."""
        logits = features @ self.weight.T + self.bias
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)


def _read_safetensors(path: Path) -> dict:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read as safetensors: {error}.") from error


def open_features(text: str, device: str = "cpu"):
    """`random`, a classifier's fold folder, or `BACKBONE:WEIGHTS.safetensors:SIZE`; computed on `device`."""
    if text == "random":
        return DrawnFeatures(device)
    if text.count(":") == 2:
        backbone, weights, size = text.split(":")
        if not size.isdigit():
            raise InputError(f"The last part of {text!r} must be a size in pixels.")
        return BackboneFeatures(backbone, Path(weights), size_px=int(size), device=device)
    return ClassifierFeatures(Path(text), device)
