"""How many kernels a training step starts, eager and compiled, counted on a processor: where could compiled code lose on a GPU?

    python -m tests.performance.generator_graphs --resolution 128 --out generator_graphs.json

Counted is one step of both main phases, of small networks with as many layers as the full ones (the number of kernels does not
depend on their width), in bfloat16, channels last, with the convolutions as a GPU gets them (low-pass filters within their
kernels, three colours filled up to eight channels). Per phase:

- operations that PyTorch starts outside of compiled code, views not counted: a kernel launch each, some more than one;
- kernels that compiled code generates, and library calls out of it, mostly convolutions; `layout` are those that only copy from
  one layout or number format to another;
Generated kernels are counted, not built: a stand-in takes the place of each, so that numbers are no numbers, but every call is there
and nothing waits for a C++ compiler. What a launch costs the host is a GPU's and its host's own; this says only how many there are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

VIEWS = {
    "view", "_unsafe_view", "reshape", "expand", "slice", "select", "unbind", "split", "transpose", "t", "permute", "squeeze", "unsqueeze",
    "detach", "alias", "as_strided", "new_empty", "empty", "empty_like", "empty_strided", "split_with_sizes", "is_same_size",
}  # fmt: skip
COPIES = {"clone", "_to_copy", "copy_", "contiguous"}


def prepared(resolution: int, compiled: bool):
    """Players and a batch of two groups; weights are drawn from one seed, so that both ways compute the same."""
    import torch

    from generative.core.networks.discriminator import Discriminator
    from generative.core.networks.generator import Generator
    from generative.core.training.phases import Batch, Players
    from generative.core.training.recipe import auto

    torch.manual_seed(0)
    recipe = auto(resolution).with_options(
        batch=8, channel_base=16 * resolution, channel_max=16, z_dim=16, w_dim=16, fixed_p=0.3, precision="bf16", channels_last=True,
        style_mix=0.0, compiled=compiled,
    )  # fmt: skip
    shape = recipe.shape(("early", "intermediate", "late"))
    players = Players(Generator(shape), Discriminator(shape), recipe, torch.zeros([]), p=0.3)
    labels = torch.eye(3)[torch.arange(8) % 3]
    return players, Batch(torch.zeros(8, 3, resolution, resolution), labels, labels)


def as_on_a_gpu() -> None:
    """Convolutions in the form that they have there."""
    import torch

    from generative.core.networks import convolution, ops

    def up(x, weight, kernel):
        return ops.conv2d_up2_at_once(x, weight, kernel) if weight.shape[-1] > 1 else ops.upsample2(convolution.convolve(x, weight), kernel)

    ops.conv2d_up2, ops.conv2d_down2 = up, ops.conv2d_down2_at_once
    convolution._wants_even = lambda x: x.dtype in (torch.float16, torch.bfloat16)


def phase(players, batch, name: str) -> None:
    """Forward and backward of one main phase, as the loop runs it."""
    from generative.core.training import phases

    chance = phases.Chance.seeded(1, "cpu")
    if name == "generator":
        for parameter in players.discriminator.parameters():
            parameter.requires_grad_(False)
        loss, own = phases.generator_main(players, batch, chance), players.generator
    else:
        for parameter in players.discriminator.parameters():
            parameter.requires_grad_(True)
        loss, own = phases.discriminator_main(players, batch, chance).loss, players.discriminator
    loss.backward(inputs=[parameter for parameter in own.parameters() if parameter.requires_grad])


CALLS: Counter = Counter()


def stand_in(source: str):
    """In place of a generated kernel: counts its calls, and whether it computes anything but another layout or number format."""
    lines = [line for line in source.splitlines() if " tmp" in line and "=" in line]
    copies = bool(lines) and all("load" in line or "convert" in line or "in_ptr" in line for line in lines)

    def kernel(*_):
        CALLS["generated"] += 1
        CALLS["generated, layout"] += copies

    return kernel


def started(run) -> dict:
    """What `run` starts, by kind: the library's operations, without those within others, from the profiler, and generated kernels."""
    from torch.profiler import ProfilerActivity, profile

    CALLS.clear()
    with profile(activities=[ProfilerActivity.CPU]) as told:
        run()
    for event in told.events():
        outermost = event.name.startswith("aten::") and not (event.cpu_parent and event.cpu_parent.name.startswith("aten::"))
        kind = event.name.removeprefix("aten::")
        if outermost and kind not in VIEWS:
            CALLS["convolutions" if "conv" in kind else "copies" if kind in COPIES else "others"] += 1
    return dict(CALLS) | {"in all": CALLS.total() - CALLS["generated, layout"]}


def counted(resolution: int, ways: tuple[str, ...]) -> dict:
    """Per phase and way what is started, and the compiler's own counts."""
    import torch
    from torch._inductor import metrics
    from torch._inductor.async_compile import AsyncCompile

    from generative.core.training.phases import Chance

    AsyncCompile.cpp = lambda self, source: stand_in(source)
    AsyncCompile.cpp_pybinding = lambda self, argtypes, source: stand_in(source)
    as_on_a_gpu()
    torch.set_num_threads(1)
    found: dict = {"torch": torch.__version__, "resolution": resolution}
    for way in ways:
        players, batch = prepared(resolution, way == "compiled")
        if way == "eager":
            chance = Chance.seeded(1, "cpu")
            found["augmentation, one call"] = started(lambda players=players, batch=batch, chance=chance: players.shown(batch.images, chance))
            print(f"augmentation, one call: {found['augmentation, one call']}", flush=True)
        for name in ("generator", "discriminator"):
            phase(players, batch, name)
            found[f"{name}, {way}"] = started(lambda players=players, batch=batch, name=name: phase(players, batch, name))
            print(f"{name}, {way}: {found[f'{name}, {way}']}", flush=True)
    if "compiled" not in ways:
        return found
    found["compiler"] = {"operations before fusion": metrics.ir_nodes_pre_fusion, "kernels": metrics.generated_kernel_count}
    print(f"compiler: {found['compiler']}", flush=True)
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=128)
    parser.add_argument("--eager", action="store_true", help="only what eager code starts: seconds instead of minutes")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    found = counted(options.resolution, ("eager",) if options.eager else ("eager", "compiled"))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
