"""Starting from a trained network of the same resolution: which tensors are taken over, which stay fresh.

`authors`: what the published code did: every synthesis tensor and the style mean are copied, the mapping network
stays random; in the discriminator everything but the output and label layers is copied.
`widen`: the source's mapping is kept, with its number of layers; its first layer gets columns of zeros for the label
and is rescaled for the doubled fan-in, so that the first picture equals the source's.
A source with exactly our classes needs neither: `widen` then copies everything whose shape fits. What judged in an unlabelled
source becomes the judgement without label, where the recipe has one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from generative.core.errors import InputError
from generative.core.networks.shape import NetworkShape
from generative.core.networks.weights import read_record, read_state

PRESETS = ("authors", "widen")


@dataclass(frozen=True)
class Report:
    """Every tensor once: `loaded` from the source, or `fresh`; names start with the network's."""

    preset: str
    source_hash: str
    loaded: tuple[str, ...]
    fresh: tuple[str, ...]

    def to_json(self) -> dict:
        return {"preset": self.preset, "source": self.source_hash, "loaded": self.loaded, "fresh": self.fresh}


def target_shape(shape: NetworkShape, source_folder: Path, preset: str) -> NetworkShape:
    """The networks to train: the recipe's label side on the source's widths.

    Another resolution than the source's is refused. `widen` keeps the source's mapping layers and widths.
    """
    source = read_record(source_folder).shape
    if preset not in PRESETS:
        raise InputError(f"There is no fine-tuning preset {preset!r}; there are {', '.join(PRESETS)}.")
    if source.resolution != shape.resolution:
        raise InputError(
            f"The source network makes {source.resolution} px pictures, the recipe {shape.resolution} px; "
            "choose a source of the same resolution or change the recipe's."
        )
    common = replace(
        shape, w_dim=source.w_dim, channel_base=source.channel_base, channel_max=source.channel_max,
        clamp=source.clamp, mbstd_channels=source.mbstd_channels,
    )  # fmt: skip
    if preset == "authors":
        return common
    return replace(common, z_dim=source.z_dim, mapping_layers=source.mapping_layers, mapping_lr=source.mapping_lr)


def start_from(generator, averaged, discriminator, source_folder: Path, preset: str) -> Report:
    """Fill fresh networks of `target_shape` in place and say of every tensor whether it was loaded."""
    record = read_record(source_folder)
    same = preset == "widen" and record.shape.classes == generator.shape.classes
    raw = "generator_raw" if "generator_raw" in record.hashes else "generator"
    loaded, fresh = [], []
    for label, network, part in (("G", generator, raw), ("G_ema", averaged, "generator"),
                                 ("D", discriminator, "discriminator")):  # fmt: skip
        state = read_state(source_folder, part, record) if part in record.hashes else {}
        if part == "discriminator" and preset == "widen" and not record.shape.classes:  # its one output judges without label
            state |= {name.replace(".out.", ".unconditional."): state[name] for name in list(state) if name.startswith("b4.out.")}
        if preset == "widen" and not same and part != "discriminator":
            state = _widened(state, record.shape, network)
        taken = _copy(network, state, skip=set() if same else _skipped(preset, part, state))
        for name in network.state_dict():
            (loaded if name in taken else fresh).append(f"{label}.{name}")
    return Report(preset, record.content_hash, tuple(loaded), tuple(fresh))


def _skipped(preset: str, part: str, state: dict) -> set[str]:
    if part == "discriminator":
        return {name for name in state if name.startswith(("b4.out.", "mapping."))}
    if preset == "authors":
        return {name for name in state if name.startswith("mapping.") and name != "mapping.w_avg"}
    return set()


def _copy(network, state: dict, skip: set[str]) -> set[str]:
    taken = set()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name in state and name not in skip and state[name].shape == tensor.shape:
                tensor.copy_(state[name])
                taken.add(name)
    return taken


def _widened(state: dict, source: NetworkShape, network) -> dict:
    """The source's mapping in a network whose first layer also sees a label.

    The effective weight is W / sqrt(fan_in); with fan_in k times as large, W is multiplied by sqrt(k). A labelled
    source's own label columns are dropped: its classes are not ours; step 0 is then its mapping without a label part.
    """
    state = dict(state)
    weight = network.mapping.fc0.weight
    own = state["mapping.fc0.weight"]
    wide = torch.zeros_like(weight)
    wide[:, : source.z_dim] = own[:, : source.z_dim] * math.sqrt(weight.shape[1] / own.shape[1])
    state["mapping.fc0.weight"] = wide
    for name in [name for name in state if name.startswith("mapping.embed.")]:
        del state[name]
    return state
