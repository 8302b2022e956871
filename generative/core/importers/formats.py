"""From the inert contents of a published file to our names, shapes and network description. No torch.

A `Draft` is what both file formats become: state dicts by part and the facts that shapes do not tell.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from generative.core.importers import machine, storage
from generative.core.importers.machine import Module, Refused, Tensor, TfNetwork, describe

MAX_DEPTH, MAX_TENSORS, MAX_MODULES, MAX_ENTRIES, MAX_NAME = 8, 4000, 2000, 200, 100
FILTER = np.outer((1, 3, 3, 1), (1, 3, 3, 1)) / 64.0

_PLAIN = {
    ("dnnlib.util", "EasyDict"): machine.make_mapping,
    ("dnnlib", "EasyDict"): machine.make_mapping,
    ("collections", "OrderedDict"): machine.make_mapping,
    ("builtins", "set"): machine.make_set,
    ("numpy", "dtype"): machine.make_dtype,
    ("numpy", "ndarray"): machine.refuse_call,
    ("dnnlib.tflib.network", "Network"): machine.make_network,
    ("_codecs", "encode"): machine.make_bytes,
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): machine.make_module,
    ("torch._utils", "_rebuild_tensor_v2"): storage.rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): storage.rebuild_parameter,
    ("torch.storage", "_load_from_bytes"): storage.read_storage,
}
ALLOWED = {
    **_PLAIN,
    **{(f"numpy.{core}.multiarray", "scalar"): machine.make_scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "_reconstruct"): machine.make_array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): machine.make_array_from_buffer for core in ("core", "_core")},
}


@dataclass(frozen=True)
class Draft:
    """`parts`: state dicts under our names (generator, generator_raw, discriminator); `facts`: NetworkShape fields
    without class names; `classes`: how many; `average_rows`: whether the paper's averaged embedding is used."""

    format: str
    parts: dict
    facts: dict
    classes: int
    average_rows: bool = False


# What people have in hand when it is not such a file: how it begins, and what to do.
MISTAKEN = (
    (b"PK\x03\x04", "a ZIP archive, as torch.save writes it today or as a folder is packed, where the official .pkl is one pickle"),
    (b"<", "a web page where the network should be: the download stopped at a question; open the link in a browser and confirm it"),
    (b"version https://git-lfs", "a pointer to a large file that was not fetched; run git lfs pull"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"\x89HDF", "an HDF5 file, where the official .pkl is a pickle"),
)


def interpret(raw: bytes) -> Draft:
    """Read a whole file's bytes; Refused names whatever is not part of a published network."""
    import io

    start = raw[:64].lstrip()
    for beginning, what in MISTAKEN:
        if start.startswith(beginning):
            raise Refused(what)
    stream = io.BytesIO(raw)
    content = machine.Machine(ALLOWED).run(stream)
    if isinstance(content, dict) and isinstance(content.get("G_ema"), Module):
        return pytorch_draft(content)
    if isinstance(content, tuple) and len(content) == 3 and all(isinstance(part, TfNetwork) for part in content):
        return tensorflow_draft(content)
    raise Refused(f"{describe(content)} where a file of networks has G, D and G_ema (or G, D, Gs)")


# --- PyTorch files


def _flatten(module: Module, prefix: str, depth: int, found: dict, owners: dict) -> None:
    """All tensors of a module tree by dotted name, and the state of each module by its prefix."""
    if depth > MAX_DEPTH or len(found) > MAX_TENSORS or len(owners) > MAX_MODULES:
        raise Refused("a module tree deeper or larger than any published network")
    owners[prefix] = module.state
    for kind in ("_parameters", "_buffers"):
        for name, tensor in _section(module, kind).items():
            if tensor is None:
                continue
            if not isinstance(tensor, Tensor):
                raise Refused(f"{describe(tensor)} as the tensor {prefix}{name}"[:200])
            found[f"{prefix}{name}"] = tensor.value
    for name, child in _section(module, "_modules").items():
        if child is None:
            continue
        if not isinstance(child, Module):
            raise Refused(f"{describe(child)} as the module {prefix}{name}"[:200])
        _flatten(child, f"{prefix}{name}.", depth + 1, found, owners)


def _section(module: Module, kind: str) -> dict:
    """One of the dictionaries of a module. Names have no dots, as in any module, so that no two paths in the tree are one name."""
    section = module.state.get(kind, {})
    if not isinstance(section, dict) or len(section) > MAX_ENTRIES:
        raise Refused(f"{describe(section)} as {kind}" if not isinstance(section, dict) else f"{len(section)} entries as {kind}")
    for key in section:
        if not _is_name(key) or "." in key:
            raise Refused(f"the name {describe(key)} in {kind}")
    return section


def _is_name(key) -> bool:
    return isinstance(key, str) and len(key) <= MAX_NAME and key.isascii() and key.isprintable()


def _settle(found: dict, budget: int) -> dict:
    """Float32 copies without the resampling filters, which must be ours; `budget` bytes in all."""
    out, spent = {}, 0
    for name, value in found.items():
        if name.endswith("resample_filter"):
            if value.shape != (4, 4) or not np.allclose(value, FILTER, atol=1e-6):
                raise Refused(f"another resampling filter than [1,3,3,1] in {name}")
            continue
        spent += value.size * 4
        if spent > budget:
            raise Refused(f"tensors of more than {budget} bytes in all")
        out[name] = np.array(value, dtype=np.float32, order="C")
        if not np.isfinite(out[name]).all():
            raise Refused(f"numbers that are not finite in {name}")
    return out


MAX_PART_BYTES = 1 << 30


def pytorch_draft(content: dict) -> Draft:
    """A dict with G, D, G_ema (anything else in it is ignored)."""
    parts, states = {}, {}
    for key, part in (("G_ema", "generator"), ("G", "generator_raw"), ("D", "discriminator")):
        if not isinstance(content.get(key), Module):
            raise Refused(f"{describe(content.get(key))} as {key}")
        found: dict = {}
        states[part] = owners = {}
        _flatten(content[key], "", 0, found, owners)
        parts[part] = _settle(found, MAX_PART_BYTES)
    generator, discriminator = parts["generator"], parts["discriminator"]
    _need_architecture(states)
    top = f"b{_top_resolution(generator)}"
    owners, d_owners = states["generator"], states["discriminator"]
    standard = d_owners.get("b4.mbstd.", {})
    facts = {
        **_sizes(generator),
        "mapping_lr": _learning_rate(owners["mapping.fc0."], generator["mapping.fc0.weight"]),
        "clamp": _number_or_none(owners[f"synthesis.{top}.conv1."].get("conv_clamp"), "conv_clamp"),
        "d_mapping_layers": _count_layers(discriminator),
        "mbstd_group": _number_or_none(standard.get("group_size"), "group_size"),
        "mbstd_channels": standard.get("num_channels", 1) if standard else 0,
    }
    if "mapping.embed.weight" in discriminator:
        facts["d_cmap_dim"] = int(discriminator["mapping.embed.weight"].shape[0])
    return Draft("pytorch", parts, facts, _classes(generator))


def _need_architecture(states: dict) -> None:
    for part, needed in (("generator", "skip"), ("discriminator", "resnet")):
        for prefix, state in states[part].items():
            if (found := state.get("architecture", needed)) != needed:
                raise Refused(f"the {part} architecture {describe(found)} (only {needed} is built) in {prefix}"[:200])


def _number_or_none(value, what: str):
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise Refused(f"{describe(value)} as {what}")
    return value


def _learning_rate(state: dict, weight: np.ndarray) -> float:
    """The multiplier hidden in weight_gain = lr / sqrt(fan_in)."""
    gain = _number_or_none(state.get("weight_gain"), "weight_gain")
    if gain is None:
        raise Refused("a mapping layer without weight_gain")
    return round(gain * math.sqrt(weight.shape[1]), 9)


def _top_resolution(generator: dict) -> int:
    found = [int(m[1]) for name in generator if (m := re.fullmatch(r"synthesis\.b(\d{1,5})\.conv1\.weight", name))]
    if not found or "synthesis.b4.const" not in generator or "mapping.fc0.weight" not in generator:
        raise Refused("a generator without the known layers (synthesis.b4.const, mapping.fc0)")
    return max(found)


def _count_layers(state: dict) -> int:
    return sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in state)


def _classes(generator: dict) -> int:
    embed = generator.get("mapping.embed.weight")
    return 0 if embed is None else int(embed.shape[1])


def _sizes(generator: dict) -> dict:
    """Widths read off the shapes; building the network afterwards checks that they agree everywhere."""
    resolution = _top_resolution(generator)
    widths = {int(m[1]): value.shape[0] for name, value in generator.items()
              if (m := re.fullmatch(r"synthesis\.b(\d+)\.conv1\.weight", name))}  # fmt: skip
    w_dim = int(generator["mapping.fc0.weight"].shape[0])
    labelled = "mapping.embed.weight" in generator
    return {
        "resolution": resolution,
        "z_dim": int(generator["mapping.fc0.weight"].shape[1]) - (w_dim if labelled else 0),
        "w_dim": w_dim,
        "channel_max": int(max(widths.values())),
        "channel_base": int(widths[resolution] * resolution),
        "mapping_layers": _count_layers(generator),
        "colours": int(generator[f"synthesis.b{resolution}.torgb.weight"].shape[0]),
    }


# --- TensorFlow files


def _variables(network: TfNetwork, prefix: str = "", depth: int = 0) -> dict:
    """Arrays of a network and its components; components' names are prefixed by theirs."""
    state = network.state or {}
    entries, components = state.get("variables", []), state.get("components", {})
    if depth > 2 or not isinstance(entries, list) or not isinstance(components, dict):
        raise Refused("a TensorFlow network with an unknown state")
    if len(entries) > MAX_TENSORS or len(components) > MAX_DEPTH or not all(map(_is_name, components)):
        raise Refused("a TensorFlow network of more variables or parts than any published one")
    found = {}
    for entry in entries:
        if not (isinstance(entry, tuple) and len(entry) == 2 and _is_name(entry[0])):
            raise Refused("a TensorFlow variable that is not a name and a value")
        value = entry[1].value if isinstance(entry[1], machine.Array) else entry[1]
        if not isinstance(value, np.ndarray | int | float):
            raise Refused(f"{describe(value)} as the variable {entry[0][:80]}")
        found[prefix + entry[0]] = np.asarray(value)
    for name, component in components.items():
        if not isinstance(component, TfNetwork):
            raise Refused(f"{describe(component)} as the component {name}"[:200])
        found |= _variables(component, f"{prefix}{name}/", depth + 1)
    return found


def _arguments(network: TfNetwork) -> dict:
    arguments = (network.state or {}).get("static_kwargs", {})
    if not isinstance(arguments, dict):
        raise Refused("a TensorFlow network without arguments")
    return arguments


def tensorflow_draft(content: tuple) -> Draft:
    """(G, D, Gs): weights transposed, modulation biases raised by 1, up-convolutions turned by 180 degrees."""
    raw, d_net, averaged = content
    parts = {}
    for part, network in (("generator", averaged), ("generator_raw", raw), ("discriminator", d_net)):
        rename = _discriminator_name if part == "discriminator" else _generator_name
        state = {}
        for name, value in _variables(network).items():
            if (ours := rename(name)) is not None:
                state[ours] = _transposed(name, value)
        parts[part] = _settle(state, MAX_PART_BYTES)
    arguments, d_arguments = _arguments(averaged), _arguments(d_net)
    _need_tf_architecture(arguments, d_arguments)
    generator, discriminator = parts["generator"], parts["discriminator"]
    average = bool(arguments.get("intermediate_state", False))
    if average != bool(d_arguments.get("intermediate_state", average)):
        raise Refused("an averaged label embedding in only one of the two networks")
    facts = {
        **_sizes(generator),
        "mapping_lr": float(arguments.get("mapping_lrmul", 0.01)),
        "clamp": _number_or_none(arguments.get("conv_clamp"), "conv_clamp"),
        "d_mapping_layers": _count_layers(discriminator),
        "mbstd_group": _number_or_none(d_arguments.get("mbstd_group_size", 4), "mbstd_group_size"),
        "mbstd_channels": int(_number_or_none(d_arguments.get("mbstd_num_features", 1), "mbstd_num_features") or 0),
    }
    if "mapping.embed.weight" in discriminator:
        facts["d_cmap_dim"] = int(discriminator["mapping.embed.weight"].shape[0])
    rows = _classes(generator)
    if average and rows != 2:
        raise Refused(f"an averaged label embedding of {rows} rows (two are needed)")
    return Draft("tensorflow", parts, facts, 3 if average else rows, average)


def _need_tf_architecture(arguments: dict, d_arguments: dict) -> None:
    for found, needed in ((arguments.get("architecture", "skip"), "skip"),
                          (d_arguments.get("architecture", "resnet"), "resnet")):  # fmt: skip
        if found != needed:
            raise Refused(f"the architecture {describe(found)} (only {needed} is built)")


def _transposed(name: str, value: np.ndarray) -> np.ndarray:
    """TensorFlow order (row, column, in, out) to ours; the conventions that differ are undone here."""
    if name.endswith("mod_bias"):
        return value + 1.0
    if name.endswith("weight") and value.ndim == 4:
        turned = value[::-1, ::-1] if name.endswith("Conv0_up/weight") else value
        return turned.transpose(3, 2, 0, 1)
    if name.endswith("weight") and value.ndim == 2:
        return value.T
    if re.search(r"noise\d+$", name):
        return value.reshape(value.shape[-2:])
    if name.endswith("Const/const"):
        return value.reshape(value.shape[-3:])
    return value


_LEAVES = {
    "weight": "weight", "bias": "bias", "mod_weight": "affine.weight", "mod_bias": "affine.bias",
    "noise_strength": "noise_strength",
}  # fmt: skip
_G_LAYERS = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb"}
_D_LAYERS = {
    "FromRGB": "fromrgb",
    "Conv0": "conv0",
    "Conv1_down": "conv1",
    "Skip": "skip",
    "Conv": "conv",
    "Dense0": "fc",
}


def _generator_name(name: str) -> str | None:
    """Our name of a generator variable; None for bookkeeping; an unknown one is refused."""
    leaf = name.removeprefix("synthesis/").removeprefix("mapping/")
    if leaf == "dlatent_avg":
        return "mapping.w_avg"
    if leaf in ("lod", "4x4/Const/const"):
        return None if leaf == "lod" else "synthesis.b4.const"
    if match := re.fullmatch(r"noise(\d{1,2})", leaf):
        layer = int(match[1]) + 1  # 4x4 has one layer, every other resolution two
        return f"synthesis.b{4 << (layer // 2)}.conv{layer % 2}.noise_const"
    if match := re.fullmatch(r"(\d+)x\1/(\w+)/(\w+)", leaf):
        resolution, layer, last = match.groups()
        if layer in _G_LAYERS and last in _LEAVES:
            return f"synthesis.b{resolution}.{_G_LAYERS[layer]}.{_LEAVES[last]}"
    return _mapping_name(leaf)


def _discriminator_name(name: str) -> str | None:
    if match := re.fullmatch(r"(\d+)x\1/(\w+)/(weight|bias)", name):
        resolution, layer, last = match.groups()
        if layer in _D_LAYERS:
            return f"b{resolution}.{_D_LAYERS[layer]}.{last}"
    if match := re.fullmatch(r"Output/(weight|bias)", name):
        return f"b4.out.{match[1]}"
    return None if name == "lod" else _mapping_name(name.removeprefix("mapping/").removeprefix("Mapping"))


def _mapping_name(leaf: str) -> str:
    if match := re.fullmatch(r"LabelEmbed/(weight|bias)", leaf):
        return f"mapping.embed.{match[1]}"
    if match := re.fullmatch(r"Dense(\d)/(weight|bias)", leaf):
        return f"mapping.fc{match[1]}.{match[2]}"
    raise Refused(f"the variable {leaf[:80]}")
