"""Which pixels speak for an answer: signed attribution maps, by named methods, with their completeness checked.

Axes: N pictures, H, W pixels of the network's square, C classes. A map is the sum over colours of the attribution in
pixel values 0 to 1 (normalisation is part of the network). The explained quantity is ``logits @ weights_C``: a single
class has weight 1, a contrast has 1 for one class and -1 for another.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from models_ml.core.config import AttributionSpec
from models_ml.core.errors import CoreError

INTERNAL_BATCH = 16
STEPS_PER_PIECE = (4, 5, 3, 2, 1)  # the first that divides the steps asked for


@dataclass(frozen=True)
class Attribution:
    """One signed map. gap: |(F(x) - F(b)) - sum| / |F(x) - F(b)|; None, with ``why``, where it is not defined."""

    map_HW: np.ndarray
    score: float
    baseline_score: float | None
    gap: float | None
    steps: int
    why: str = ""


def blurred(image_NCHW: torch.Tensor, sigma_px: float) -> torch.Tensor:
    """Gaussian blur with mirrored borders; the kernel reaches three sigma, at most the picture's side."""
    side = min(image_NCHW.shape[-2:])
    radius = max(1, min(round(3 * sigma_px), side - 1))
    taps = torch.exp(-(torch.arange(-radius, radius + 1, dtype=image_NCHW.dtype) ** 2) / (2 * sigma_px**2))
    taps = (taps / taps.sum()).to(image_NCHW.device)
    channels = image_NCHW.shape[1]
    padded = torch.nn.functional.pad(image_NCHW, (radius,) * 4, mode="reflect")
    rows = torch.nn.functional.conv2d(padded, taps.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
    return torch.nn.functional.conv2d(rows, taps.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)


def baseline_of(image_1CHW: torch.Tensor, spec: AttributionSpec, mean: torch.Tensor) -> torch.Tensor:
    """blur: the picture without its detail. median: its median colour. zero: the network's mean colour (what zero is
    after normalisation, the authors' choice). black, white."""
    if spec.baseline == "blur":
        return blurred(image_1CHW, spec.blur_sigma * image_1CHW.shape[-1])
    if spec.baseline == "median":
        return image_1CHW.flatten(2).median(dim=2).values[..., None, None].expand_as(image_1CHW).contiguous()
    if spec.baseline == "zero":
        return mean.to(image_1CHW).expand_as(image_1CHW).contiguous()
    return torch.full_like(image_1CHW, {"black": 0.0, "white": 1.0}[spec.baseline])


def explain(
    network: torch.nn.Module, image_1CHW: torch.Tensor, weights_C: np.ndarray, spec: AttributionSpec
) -> Attribution:
    """The map of one network for one picture. The network must be in evaluation mode (CoreError otherwise)."""
    if network.training:
        raise CoreError("Attribution needs the network in evaluation mode; call network.eval() first.")
    weights = torch.as_tensor(weights_C, dtype=torch.float32, device=image_1CHW.device)

    def score(image: torch.Tensor) -> torch.Tensor:
        return network(image).float() @ weights

    baseline = baseline_of(image_1CHW, spec, network.mean)
    with torch.no_grad():
        value, from_value = float(score(image_1CHW)), float(score(baseline))
    if spec.method == "integrated-gradients":
        return _integrated(score, image_1CHW, baseline, value, from_value, spec)
    reason = f"{spec.method} does not add up to the difference of outputs"
    method = {"gradcam": _gradcam, "smoothgrad": _smoothgrad, "occlusion": _occlusion}[spec.method]
    found = method(network, score, weights, image_1CHW, baseline, spec)
    return Attribution(_to_map(found), value, from_value, None, spec.steps, reason)


def _to_map(attribution: torch.Tensor) -> np.ndarray:
    return attribution[0].sum(dim=0).detach().cpu().numpy().astype(np.float32)


def _integrated(
    score: Callable, image, baseline, value: float, from_value: float, spec: AttributionSpec
) -> Attribution:
    """Integrated Gradients (Sundararajan 2017) over pieces of the path, each by captum.

    How far a piece misses the difference of outputs at its own ends is known, so steps are doubled where the path is
    rough: the third of the pieces that miss most are halved until the whole gap is at most ``spec.gap``.
    """
    difference, change = value - from_value, image - baseline
    path = _Path(score, baseline, change, steps=next(k for k in STEPS_PER_PIECE if spec.steps % k == 0))
    edges = torch.linspace(0, 1, spec.steps // path.steps + 1, dtype=torch.float64)
    pieces, steps = path.pieces(list(zip(edges[:-1].tolist(), edges[1:].tolist()))), spec.steps
    while True:
        found = torch.stack([piece.attribution for piece in pieces]).sum(0, keepdim=True)
        miss = abs(difference - float(found.double().sum()))
        gap = miss / abs(difference) if abs(difference) > 1e-6 else None
        halved = max(1, len(pieces) // 3)
        more = 2 * halved * path.steps
        if (gap is not None and gap <= spec.gap) or (gap is None and miss < 1e-6) or steps + more > spec.max_steps:
            why = "" if gap is not None else "picture and baseline give the same output"
            return Attribution(_to_map(found), value, from_value, gap, steps, why)
        pieces.sort(key=lambda piece: -abs(piece.miss))
        rough, pieces = pieces[:halved], pieces[halved:]
        halves = [half for p in rough for half in ((p.start, (p.start + p.end) / 2), ((p.start + p.end) / 2, p.end))]
        pieces += path.pieces(halves)
        steps += more


@dataclass(frozen=True)
class _Piece:
    """A stretch of the path: its attribution (C, H, W), and the difference of outputs that this does not explain."""

    start: float
    end: float
    attribution: torch.Tensor
    miss: float


class _Path:
    """The straight way from the baseline to the picture."""

    def __init__(self, score: Callable, baseline: torch.Tensor, change: torch.Tensor, *, steps: int):
        from captum.attr import IntegratedGradients

        self.score, self.baseline, self.change, self.steps = score, baseline, change, steps
        self.method, self.values = IntegratedGradients(score), {}

    def pieces(self, bounds: list[tuple[float, float]]) -> list[_Piece]:
        at_once = max(1, INTERNAL_BATCH // self.steps)
        return [piece for k in range(0, len(bounds), at_once) for piece in self._together(bounds[k : k + at_once])]

    def _together(self, bounds: list[tuple[float, float]]) -> list[_Piece]:
        starts, ends = (self._at([pair[k] for pair in bounds]) for k in (0, 1))
        found = self.method.attribute(
            ends, baselines=starts, n_steps=self.steps, internal_batch_size=max(INTERNAL_BATCH, len(bounds))
        )
        self._evaluate([place for pair in bounds for place in pair])
        totals = found.double().flatten(1).sum(1).tolist()
        return [
            _Piece(start, end, part, self.values[end] - self.values[start] - total)
            for (start, end), part, total in zip(bounds, found, totals)
        ]

    @torch.no_grad()
    def _evaluate(self, places: list[float]) -> None:
        """Keep the score at these places; neighbours share an end."""
        if new := sorted(set(places) - self.values.keys()):
            self.values.update(zip(new, self.score(self._at(new)).tolist()))

    def _at(self, places: list[float]) -> torch.Tensor:
        shares = torch.tensor(places, dtype=self.change.dtype, device=self.change.device)
        return self.baseline + shares.view(-1, 1, 1, 1) * self.change


def _smoothgrad(network, score, weights, image, baseline, spec: AttributionSpec) -> torch.Tensor:
    """Mean of Integrated Gradients over five noisy copies (SmoothGrad, Smilkov 2017), noise from a fixed seed."""
    from captum.attr import IntegratedGradients

    method, total = IntegratedGradients(score), torch.zeros_like(image)
    noise = torch.Generator().manual_seed(0)
    for _ in range(5):
        noisy = image + 0.05 * torch.randn(image.shape, generator=noise).to(image)
        total += method.attribute(noisy, baselines=baseline, n_steps=spec.steps, internal_batch_size=INTERNAL_BATCH)
    return total / 5


def _occlusion(network, score, weights, image, baseline, spec: AttributionSpec) -> torch.Tensor:
    """Loss of score when a window of an eighth of the side is replaced by the baseline, every 24th of the side."""
    from captum.attr import Occlusion

    side = image.shape[-1]
    window, stride = max(2, side // 8), max(1, side // 24)
    with torch.no_grad():
        return Occlusion(score).attribute(
            image, sliding_window_shapes=(3, window, window), strides=(3, stride, stride), baselines=baseline,
            perturbations_per_eval=INTERNAL_BATCH,
        )  # fmt: skip


def _gradcam(network, score, weights, image, baseline, spec: AttributionSpec) -> torch.Tensor:
    """Grad-CAM (Selvaraju 2017) on the backbone's last feature map, enlarged bilinearly; not negative."""
    backbone = network.backbone
    with torch.enable_grad():
        feature = backbone.forward_features((image - network.mean) / network.std)
        if feature.ndim != 4:
            raise CoreError("gradcam needs a convolutional backbone; use integrated-gradients for this one.")
        feature = feature.detach().requires_grad_(True)
        logits = network.head(backbone.forward_head(feature))
        (gradient,) = torch.autograd.grad((logits.float() @ weights).sum(), feature)
    if str(getattr(backbone, "output_fmt", "NCHW")).endswith("NHWC"):
        feature, gradient = feature.permute(0, 3, 1, 2), gradient.permute(0, 3, 1, 2)
    cam = (gradient.mean(dim=(2, 3), keepdim=True) * feature).sum(dim=1, keepdim=True).clamp_min(0)
    return torch.nn.functional.interpolate(cam, size=image.shape[-2:], mode="bilinear", align_corners=False).detach()


def target_weights(n_classes: int, target: int, minus: int | None = None) -> np.ndarray:
    """Weights over logits for one class, or for the contrast of two."""
    weights = np.zeros(n_classes, dtype=np.float32)
    weights[target] = 1
    if minus is not None:
        weights[minus] -= 1
    return weights


@dataclass(frozen=True)
class JointAttribution:
    """The mean of the raw maps of the members admitted, and each member's own. gap: the largest of theirs."""

    map_HW: np.ndarray
    maps_MHW: np.ndarray
    gap: float | None
    steps: int
    score: float
    why: str


def explain_together(
    networks: list[torch.nn.Module], image_1CHW: torch.Tensor, weights_C: np.ndarray, spec: AttributionSpec
) -> JointAttribution:
    """Attribution of an ensemble in logit space: the raw signed maps averaged, never their pictures."""
    parts = [explain(network, image_1CHW, weights_C, spec) for network in networks]
    maps = np.stack([part.map_HW for part in parts])
    gaps = [part.gap for part in parts]
    return JointAttribution(
        maps.mean(axis=0), maps, None if None in gaps else max(gaps), max(part.steps for part in parts),
        float(np.mean([part.score for part in parts])), next((part.why for part in parts if part.why), ""),
    )  # fmt: skip
