"""A network in evaluation without its batch norms: the same function in fewer operations, for gradients by pictures.

Each batch norm is one multiplication and addition per channel then. It becomes part of the convolution before it, or that
one operation; on a GPU its own backward is slow, and in channels_last it copies its picture first. What follows what is
seen in one pass, in the graph that torch keeps for gradients, so any network will do, whatever its code looks like.
"""

from collections import Counter
from copy import deepcopy

import torch
from timm.layers import BatchNormAct2d, Conv2dSame
from torch import nn

from models_ml.core.device import half_precision
from models_ml.core.training.network import for_gradients

CONVOLUTIONS, NORMS = (nn.Conv2d, Conv2dSame), (nn.BatchNorm2d, BatchNormAct2d)  # these, not what inherits from them
APART = 1e-9  # of the largest logit: 64-bit rounding of a deep network stays below, anything left out is far above


class PerChannel(nn.Module):
    """x * scale + shift with numbers that are fixed, in 32 bits also where x has 16."""

    def __init__(self, scale_C: torch.Tensor, shift_C: torch.Tensor):
        super().__init__()
        self.register_buffer("scale", scale_C.view(1, -1, 1, 1))
        self.register_buffer("shift", shift_C.view(1, -1, 1, 1))

    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        return (x_NCHW * self.scale + self.shift).to(x_NCHW.dtype)


def folded(network: nn.Module, image_1CHW: torch.Tensor) -> nn.Module:
    """A copy in evaluation mode, its weights without gradients and its batch norms folded away; the network itself is not
    touched. Any picture will do, it only goes through.

    The network itself comes back where the copy's logits for this picture are not the same, compared in 64 bits because a
    GPU may multiply 32-bit numbers with the precision of 19; or where it is not of 32-bit weights, or cannot be copied or
    run in 64 bits: then it does something that is not understood here.
    """
    tensors = (*network.parameters(), *network.buffers())
    if any(t.is_floating_point() and t.dtype != torch.float32 for t in tensors):
        return network
    try:
        copy = for_gradients(deepcopy(network).eval().requires_grad_(False))
        pairs = _pairs(copy, image_1CHW)
        with torch.no_grad():
            image = image_1CHW.double()
            wanted = copy.double()(image)
            _fold(copy, pairs)
            found = copy(image)
    except (AttributeError, RuntimeError, TypeError):
        return network
    apart, size = (found - wanted).abs().max(), wanted.abs().max()
    return copy.float() if bool(apart <= APART * size) else network  # not where either is not a number


def in_half(network: nn.Module, image_1CHW: torch.Tensor) -> nn.Module:
    """A copy whose convolutions and linear layers keep their weights in 16 bits, the head aside: autocast would turn
    frozen ones into just these anew in every pass, two small operations for each layer.

    The network itself comes back where the copy's logits for this picture are not the same to the bit.
    """
    copy = deepcopy(network)
    for name, module in copy.named_modules():
        if type(module) in (*CONVOLUTIONS, nn.Linear) and not name.startswith("head."):
            module.half()
    try:
        with torch.no_grad(), half_precision(image_1CHW.device, "fp16"):
            same = torch.equal(copy(image_1CHW), network(image_1CHW))
    except RuntimeError:
        return network
    return copy if same else network


def _pairs(network: nn.Module, image: torch.Tensor) -> dict[nn.Module, nn.Module]:
    """Batch norms, each with the convolution whose output it alone takes, as that came; both are called once."""
    calls, made_by, taken_by, hooks = Counter(), {}, {}, []

    def made(conv, inputs, output) -> None:
        calls[conv] += 1
        made_by[output.grad_fn] = conv

    def taken(norm, inputs) -> None:
        calls[norm] += 1
        taken_by[norm] = inputs[0].grad_fn  # another one as soon as anything came between, also in place

    for module in network.modules():
        if type(module) in CONVOLUTIONS:
            hooks.append(module.register_forward_hook(made))
        elif type(module) in NORMS:
            hooks.append(module.register_forward_pre_hook(taken))
    try:
        with torch.enable_grad():
            logits = network(image.detach().clone().requires_grad_(True))
        uses = _uses(logits.grad_fn)
    finally:
        for hook in hooks:
            hook.remove()
    made_by.pop(None, None)  # of convolutions that the picture does not reach
    found = {norm: made_by[step] for norm, step in taken_by.items() if step in made_by and uses[step] == 1}
    return {norm: conv for norm, conv in found.items() if calls[norm] == calls[conv] == 1}


def _uses(last) -> Counter:
    """How often the result of each step is used on the way to the last one."""
    uses, waiting = Counter(), [last]
    while waiting:
        for step, _ in waiting.pop().next_functions:
            uses[step] += 1
            if step is not None and uses[step] == 1:
                waiting.append(step)
    return uses


def _fold(network: nn.Module, pairs: dict[nn.Module, nn.Module]) -> None:
    """Replace the batch norms by what is left of them; in the precision that the network has."""
    in_place_of = {}
    for norm in [module for module in network.modules() if type(module) in NORMS and module.running_var is not None]:
        scale, shift = _scale_and_shift(norm)
        conv, left = pairs.get(norm), []
        if conv is None:
            left.append(PerChannel(scale, shift))
        else:
            bias = shift if conv.bias is None else shift + conv.bias * scale
            weight = conv.weight.detach().clone().mul_(scale.view(-1, 1, 1, 1))  # in place: keeps the layout
            conv.weight, conv.bias = (nn.Parameter(t, requires_grad=False) for t in (weight, bias))
        left += [norm.drop, norm.act] if isinstance(norm, BatchNormAct2d) else []
        left = [module for module in left if not isinstance(module, nn.Identity)]
        in_place_of[norm] = left[0] if len(left) == 1 else nn.Sequential(*left)
    for name, module in list(network.named_modules(remove_duplicate=False)):
        if module in in_place_of:
            network.set_submodule(name, in_place_of[module])


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    scale = (norm.running_var + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight
    shift = -norm.running_mean * scale
    return scale, shift if norm.bias is None else shift + norm.bias
