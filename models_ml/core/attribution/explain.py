"""Which pixels speak for an answer: signed attribution maps, by named methods, with their completeness checked.

Axes: N pictures, H, W pixels of the network's square, C classes. A map is the sum over colours of the attribution in
pixel values 0 to 1 (normalisation is part of the network). What is explained is a target: a class's logit, or its lead
over another class's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from models_ml.core.attribution.integrated import Asked, Attribution, integrated_gradients
from models_ml.core.attribution.path import Target, at_once, score
from models_ml.core.config import AttributionSpec
from models_ml.core.device import half_precision
from models_ml.core.errors import CoreError


def blurred(image_NCHW: torch.Tensor, sigma_px: float) -> torch.Tensor:
    """Gaussian blur with mirrored borders; the kernel reaches three sigma, at most the picture's side."""
    side = min(image_NCHW.shape[-2:])
    radius = max(1, min(round(3 * sigma_px), side - 1))
    places = torch.arange(-radius, radius + 1, dtype=image_NCHW.dtype, device=image_NCHW.device)
    taps = torch.exp(-(places**2) / (2 * sigma_px**2))
    taps = taps / taps.sum()
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


def explain(network: torch.nn.Module, image_1CHW: torch.Tensor, target: Target, spec: AttributionSpec) -> Attribution:
    """The map of one network for one picture and one target; see ``explain_targets``."""
    return explain_targets(network, image_1CHW, [target], spec)[0]


def explain_targets(
    network: torch.nn.Module,
    image_1CHW: torch.Tensor,
    targets: Sequence[Target],
    spec: AttributionSpec,
    max_steps: Sequence[int] | None = None,
) -> list[Attribution]:
    """The maps of one network for one picture, one per target; see ``explain_pictures``.

    max_steps: of each target's path, ``spec.max_steps`` unless given.
    """
    most = [spec.max_steps] * len(targets) if max_steps is None else max_steps
    return explain_pictures(network, [Question((network,), image_1CHW, targets, most)], spec)[0]


@dataclass(frozen=True)
class Question:
    """The maps to make of a picture (1, C, H, W): of these networks, for these targets, with so many steps at most."""

    networks: Sequence[torch.nn.Module]
    image_1CHW: torch.Tensor
    targets: Sequence[Target]
    max_steps: Sequence[int]


def explain_pictures(
    network: torch.nn.Module, questions: Sequence[Question], spec: AttributionSpec
) -> list[list[Attribution]]:
    """The maps of one network for some pictures, one per target. The network must be in evaluation mode (CoreError otherwise).

    Integrated Gradients share the forward passes of a picture's targets and the batches of all pictures, so what is asked
    of one network is best asked together. Where many pictures are explained, a copy of the network from
    ``folding.folded`` gives the same maps sooner.
    """
    if network.training:
        raise CoreError("Attribution needs the network in evaluation mode; call network.eval() first.")

    def logits_of(image: torch.Tensor) -> torch.Tensor:
        with half_precision(image.device, spec.precision):
            logits = network(image)
        return logits.float()

    asked = [
        Asked(one.image_1CHW, baseline_of(one.image_1CHW, spec, network.mean), one.targets, one.max_steps)
        for one in questions
    ]
    if spec.method == "integrated-gradients":
        return integrated_gradients(logits_of, asked, spec)
    return [_by_other_method(network, logits_of, one, spec) for one in asked]


def _by_other_method(network: torch.nn.Module, logits_of: Callable, asked: Asked, spec: AttributionSpec) -> list[Attribution]:
    image_1CHW, baseline = asked.image_1CHW, asked.baseline_1CHW
    with torch.no_grad():
        logits, from_logits = logits_of(image_1CHW), logits_of(baseline)
    reason = f"{spec.method} does not add up to the difference of outputs"
    method = {"gradcam": _gradcam, "smoothgrad": _smoothgrad, "occlusion": _occlusion}[spec.method]
    found = []
    for target in asked.targets:
        scored = partial(_scored, logits_of, target)
        map_HW = _to_map(method(network, scored, target, image_1CHW, baseline, spec))
        ends = (float(score(values, target)) for values in (logits, from_logits))
        found.append(Attribution(map_HW, *ends, None, spec.steps, reason))
    return found


def _scored(logits_of: Callable, target: Target, image: torch.Tensor) -> torch.Tensor:
    return score(logits_of(image), target)


def _to_map(attribution: torch.Tensor) -> np.ndarray:
    return attribution[0].sum(dim=0).detach().cpu().numpy().astype(np.float32)


def _smoothgrad(network, scored, target, image, baseline, spec: AttributionSpec) -> torch.Tensor:
    """Mean of Integrated Gradients over five noisy copies (SmoothGrad, Smilkov 2017), noise from a fixed seed."""
    from captum.attr import IntegratedGradients

    method, total = IntegratedGradients(scored), torch.zeros_like(image)
    noise = torch.Generator().manual_seed(0)
    for _ in range(5):
        noisy = image + 0.05 * torch.randn(image.shape, generator=noise).to(image)
        total += method.attribute(noisy, baselines=baseline, n_steps=spec.steps, internal_batch_size=at_once(image))
    return total / 5


def _occlusion(network, scored, target, image, baseline, spec: AttributionSpec) -> torch.Tensor:
    """Loss of score when a window of an eighth of the side is replaced by the baseline, every 24th of the side."""
    from captum.attr import Occlusion

    side = image.shape[-1]
    window, stride = max(2, side // 8), max(1, side // 24)
    with torch.no_grad():
        return Occlusion(scored).attribute(
            image, sliding_window_shapes=(3, window, window), strides=(3, stride, stride), baselines=baseline,
            perturbations_per_eval=at_once(image),
        )  # fmt: skip


def _gradcam(network, scored, target, image, baseline, spec: AttributionSpec) -> torch.Tensor:
    """Grad-CAM (Selvaraju 2017) on the backbone's last feature map, enlarged bilinearly; not negative."""
    backbone = network.backbone
    with torch.enable_grad():
        feature = backbone.forward_features((image - network.mean) / network.std)
        if feature.ndim != 4:
            raise CoreError("gradcam needs a convolutional backbone; use integrated-gradients for this one.")
        feature = feature.detach().requires_grad_(True)
        logits = network.head(backbone.forward_head(feature))
        (gradient,) = torch.autograd.grad(score(logits.float(), target).sum(), feature)
    if str(getattr(backbone, "output_fmt", "NCHW")).endswith("NHWC"):
        feature, gradient = feature.permute(0, 3, 1, 2), gradient.permute(0, 3, 1, 2)
    cam = (gradient.mean(dim=(2, 3), keepdim=True) * feature).sum(dim=1, keepdim=True).clamp_min(0)
    return torch.nn.functional.interpolate(cam, size=image.shape[-2:], mode="bilinear", align_corners=False).detach()


@dataclass(frozen=True)
class JointAttribution:
    """The mean of the raw maps of the members admitted, and each member's own. gap: the largest of theirs."""

    map_HW: np.ndarray
    maps_MHW: np.ndarray
    gap: float | None
    steps: int
    score: float
    why: str


def explain_together(questions: Sequence[Question], spec: AttributionSpec) -> list[list[JointAttribution]]:
    """Attributions of ensembles in logit space, of every question one per target: the raw signed maps averaged, never their
    pictures. A network goes through all pictures that ask for it together."""
    found = {}
    for network in dict.fromkeys(network for one in questions for network in one.networks):
        asking = [k for k, one in enumerate(questions) if network in one.networks]
        own = explain_pictures(network, [questions[k] for k in asking], spec)
        found |= {(k, network): attributions for k, attributions in zip(asking, own)}
    return [
        [_averaged(parts) for parts in zip(*(found[k, network] for network in one.networks))]
        for k, one in enumerate(questions)
    ]


def _averaged(parts: Sequence[Attribution]) -> JointAttribution:
    maps, gaps = np.stack([part.map_HW for part in parts]), [part.gap for part in parts]
    return JointAttribution(
        maps.mean(axis=0), maps, None if None in gaps else max(gaps), max(part.steps for part in parts),
        float(np.mean([part.score for part in parts])), next((part.why for part in parts if part.why), ""),
    )  # fmt: skip
