"""Which pixels speak for an answer: signed attribution maps, by named methods, with their completeness checked.

Axes: N pictures, H, W pixels of the network's square, C classes. A map is the sum over colours of the attribution in
pixel values 0 to 1 (normalisation is part of the network). The explained quantity is ``logits @ weights_C``: a single
class has weight 1, a contrast has 1 for one class and -1 for another.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from models_ml.core.attribution.map_store import MapStore
from models_ml.core.config import AttributionSpec
from models_ml.core.device import half_precision, out_of_memory
from models_ml.core.errors import CoreError

BATCH, BATCH_ON_GPU = 16, 64  # pictures along the path at once, at most
PIXELS = BATCH * 96**2  # and on a processor so many pixels: beyond its caches larger batches only cost (448 px: one at a time)
MAPS_BYTES, MAPS_BYTES_ON_GPU = 2**28, 2**31  # of a path's maps in memory; a GPU has that beside its batches
GRADIENT_SCALE = 1024.0  # keeps small gradients within what half precision can say; a power of two changes no other one
CANCELLED = 3.0  # pieces may miss this many times more, root of the sum of squares, than all together
RESOLUTION = 1e-6  # of the outputs' size: the rounding of 32-bit arithmetic through a network


@dataclass(frozen=True)
class Attribution:
    """One signed map. gap: |(F(x) - F(b)) - sum| / |F(x) - F(b)|, None where it is not defined. why: why it is None, or
    larger than asked for. steps: of the path, one gradient each and one more."""

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


def at_once(image_NCHW: torch.Tensor) -> int:
    """How many pictures of this size to hand to the network together."""
    if image_NCHW.is_cuda:
        return BATCH_ON_GPU
    return max(1, min(BATCH, PIXELS // (image_NCHW.shape[-2] * image_NCHW.shape[-1])))


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
    """The map of one network for one picture. The network must be in evaluation mode (CoreError otherwise).

    Where many pictures are explained, a copy of the network from ``folding.folded`` gives the same maps sooner.
    """
    if network.training:
        raise CoreError("Attribution needs the network in evaluation mode; call network.eval() first.")
    weights = torch.as_tensor(weights_C, dtype=torch.float32, device=image_1CHW.device)

    def score(image: torch.Tensor) -> torch.Tensor:
        with half_precision(image.device, spec.precision):
            logits = network(image)
        return logits.float() @ weights

    baseline = baseline_of(image_1CHW, spec, network.mean)
    if spec.method == "integrated-gradients":
        return _integrated(score, image_1CHW, baseline, spec)
    with torch.no_grad():
        value, from_value = float(score(image_1CHW)), float(score(baseline))
    reason = f"{spec.method} does not add up to the difference of outputs"
    method = {"gradcam": _gradcam, "smoothgrad": _smoothgrad, "occlusion": _occlusion}[spec.method]
    found = method(network, score, weights, image_1CHW, baseline, spec)
    return Attribution(_to_map(found), value, from_value, None, spec.steps, reason)


def _to_map(attribution: torch.Tensor) -> np.ndarray:
    return attribution[0].sum(dim=0).detach().cpu().numpy().astype(np.float32)


def _integrated(score: Callable, image: torch.Tensor, baseline: torch.Tensor, spec: AttributionSpec) -> Attribution:
    """Integrated Gradients (Sundararajan 2017) by adaptive Simpson quadrature along the straight path.

    How far a piece misses the difference of outputs at its own ends is known, because every gradient comes with its
    output. Where rectifiers switch, a gradient jumps; that happens mostly near a blurred baseline, and no rule of higher
    order helps. So the third of the pieces that miss most are halved, keeping every gradient that was computed, until
    the whole gap is at most ``spec.gap``, and not by luck, that is misses of opposite signs, or the path has
    ``spec.max_steps`` steps (a piece has two).
    """
    path, count = _Path(score, baseline, image - baseline), max(1, -(-spec.steps // 2))
    edges = [k / count for k in range(count + 1)]
    pieces = list(zip(edges[:-1], edges[1:]))
    path.visit(pieces)
    while True:
        pieces.sort(key=lambda piece: -abs(path.miss(*piece)))
        misses, aim = np.array([path.miss(*piece) for piece in pieces]), spec.gap * path.scale
        halved = min(-(-len(pieces) // 3), spec.max_steps // 2 - len(pieces))
        if (abs(misses.sum()) <= aim and np.sqrt((misses**2).sum()) <= CANCELLED * aim) or halved < 1:
            return _added_up(path, pieces, spec)
        halves = [half for a, b in pieces[:halved] for half in ((a, (a + b) / 2), ((a + b) / 2, b))]
        path.visit(halves)
        pieces = pieces[halved:] + halves


def _added_up(path: "_Path", pieces: list[tuple[float, float]], spec: AttributionSpec) -> Attribution:
    found, steps = path.attribution(pieces), 2 * len(pieces)
    value, from_value, difference = path.scores[1.0], path.scores[0.0], path.difference
    gap, why = None, "picture and baseline give the same output, so there is no difference to add up to"
    if path.is_defined:
        gap, why = abs(difference - float(found.sum(dtype=np.float64))) / abs(difference), ""
        if gap > spec.gap:
            why = f"stopped at {steps} steps: the output ends {difference:+.3f} from its start after a way of {path.way:.2f}"
    return Attribution(found, value, from_value, gap, steps, why)


class _Path:
    """The straight way from the baseline (0) to the picture (1), and what was computed at places on it: the score, the
    gradient by captum times the whole change, summed over the colours (H, W), and its total."""

    def __init__(self, score: Callable, baseline: torch.Tensor, change: torch.Tensor):
        from captum.attr import Saliency

        self.baseline, self.change, self.seen = baseline, change, []
        self.scores, self.totals, seen = {}, {}, self.seen
        self.maps, self.at_once = MapStore(MAPS_BYTES_ON_GPU if change.is_cuda else MAPS_BYTES), at_once(change)

        def kept(images: torch.Tensor) -> torch.Tensor:  # holds no path, so that maps go when their path does
            values = score(images)
            seen[:] = [values.detach()]
            return values * GRADIENT_SCALE

        self.gradient = Saliency(kept)

    def visit(self, pieces: list[tuple[float, float]]) -> None:
        """Compute what is not known yet at the ends and in the middle of these pieces."""
        places = sorted({place for a, b in pieces for place in (a, (a + b) / 2, b)} - self.scores.keys())
        while places:
            batch = places[: self.at_once]
            try:
                maps = self._gradients(batch)
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or self.at_once == 1:
                    raise
                self.at_once = -(-self.at_once // 2)
                continue
            places = places[len(batch) :]
            self.scores.update(zip(batch, self.seen[0].double().tolist()))
            self.totals.update(zip(batch, maps.double().sum((1, 2)).tolist()))
            if not np.isfinite([(self.scores[place], self.totals[place]) for place in batch]).all():
                raise CoreError(
                    "An output or its gradient is not finite, so there is no attribution. Explain with precision=fp32; if "
                    "it was that, the network's weights are broken."
                )
            for place, map_HW in zip(batch, maps):
                self.maps.add(place, map_HW)

    def _gradients(self, batch: list[float]) -> torch.Tensor:
        """Maps (N, H, W) at these places; their scores lie in ``seen``."""
        shares = torch.tensor(batch, dtype=self.change.dtype, device=self.change.device)
        points = (self.baseline + shares.view(-1, 1, 1, 1) * self.change).requires_grad_(True)
        return (self.gradient.attribute(points, abs=False) * (self.change / GRADIENT_SCALE)).sum(1)

    def miss(self, start: float, end: float) -> float:
        """The difference of outputs at the ends of a piece that Simpson's rule does not explain."""
        totals = self.totals[start] + 4 * self.totals[(start + end) / 2] + self.totals[end]
        return self.scores[end] - self.scores[start] - (end - start) / 6 * totals

    def attribution(self, pieces: list[tuple[float, float]]) -> np.ndarray:
        weights = dict.fromkeys(self.scores, 0.0)
        for start, end in pieces:
            for place, share in ((start, 1), ((start + end) / 2, 4), (end, 1)):
                weights[place] += share * (end - start) / 6
        return self.maps.weighted_sum(weights)

    @property
    def difference(self) -> float:
        return self.scores[1.0] - self.scores[0.0]

    @property
    def way(self) -> float:
        """How far the output goes up and down along the places visited."""
        values = [value for _, value in sorted(self.scores.items())]
        return sum(abs(b - a) for a, b in zip(values[:-1], values[1:]))

    @property
    def is_defined(self) -> bool:
        """Whether 32-bit outputs tell picture and baseline apart; else a share of their difference means nothing."""
        return abs(self.difference) > RESOLUTION * max(1, abs(self.scores[0.0]), abs(self.scores[1.0]))

    @property
    def scale(self) -> float:
        """What the gap is a share of; without a difference, the way that the output goes."""
        return abs(self.difference) if self.is_defined else self.way


def _smoothgrad(network, score, weights, image, baseline, spec: AttributionSpec) -> torch.Tensor:
    """Mean of Integrated Gradients over five noisy copies (SmoothGrad, Smilkov 2017), noise from a fixed seed."""
    from captum.attr import IntegratedGradients

    method, total = IntegratedGradients(score), torch.zeros_like(image)
    noise = torch.Generator().manual_seed(0)
    for _ in range(5):
        noisy = image + 0.05 * torch.randn(image.shape, generator=noise).to(image)
        total += method.attribute(noisy, baselines=baseline, n_steps=spec.steps, internal_batch_size=at_once(image))
    return total / 5


def _occlusion(network, score, weights, image, baseline, spec: AttributionSpec) -> torch.Tensor:
    """Loss of score when a window of an eighth of the side is replaced by the baseline, every 24th of the side."""
    from captum.attr import Occlusion

    side = image.shape[-1]
    window, stride = max(2, side // 8), max(1, side // 24)
    with torch.no_grad():
        return Occlusion(score).attribute(
            image, sliding_window_shapes=(3, window, window), strides=(3, stride, stride), baselines=baseline,
            perturbations_per_eval=at_once(image),
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
