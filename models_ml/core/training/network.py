"""The network: any timm backbone, several dropouts over one linear layer; and where its first weights come from."""

import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from models_ml.core.config import ModelSpec
from models_ml.core.device import out_of_memory
from models_ml.core.errors import CoreError
from models_ml.core.files import sha256_file

COPIED_FIRST = (nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Mish)  # see for_gradients


class MultiSampleHead(nn.Module):
    """Mean of one linear layer under several independent dropouts (Inoue 2019); in evaluation, the layer itself.

    In the weights' own precision whatever the backbone's: logits of eight or eleven bits would be told apart by chance.
    """

    def __init__(self, width: int, n_classes: int, *, dropouts: int, p: float):
        super().__init__()
        self.dropouts, self.p = dropouts, p
        self.linear = nn.Linear(width, n_classes)

    def forward(self, feature_NF: torch.Tensor) -> torch.Tensor:
        with torch.autocast(feature_NF.device.type, enabled=False):
            feature_NF = feature_NF.to(self.linear.weight.dtype)
            if not self.training or self.p == 0:
                return self.linear(feature_NF)
            seen = (nn.functional.dropout(feature_NF, self.p, training=True) for _ in range(self.dropouts))
            return torch.stack([self.linear(feature) for feature in seen]).mean(dim=0)


class Classifier(nn.Module):
    """Pictures of values 0 to 1 (N, 3, H, W) to logits (N, classes): normalisation is part of the network."""

    def __init__(self, spec: ModelSpec, n_classes: int, *, size_px: int):
        super().__init__()
        self.backbone = _backbone(spec, size_px)
        self.head = MultiSampleHead(
            _width(self.backbone, size_px), n_classes, dropouts=spec.head_dropouts, p=spec.head_dropout
        )
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, image_NCHW: torch.Tensor) -> torch.Tensor:
        return self.head(self.backbone((image_NCHW - self.mean) / self.std))


def _backbone(spec: ModelSpec, size_px: int) -> nn.Module:
    import timm

    arguments = {"num_classes": 0, "pretrained": spec.weights == "hub", **spec.backbone_args}
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # every attempt would be told; what comes of it is told once
    try:
        return timm.create_model(spec.backbone, **arguments)
    except RuntimeError as error:
        if "Unknown model" in str(error):
            raise CoreError(
                f"timm has no network {spec.backbone!r}; timm.list_models() names all of them, and --networks FILE.py registers "
                "your own."
            ) from error
        raise
    except TypeError as error:
        raise CoreError(f"model.backbone_args do not suit {spec.backbone!r}: {error}.") from error
    except (OSError, ValueError) as error:
        raise CoreError(
            f"The weights of {spec.backbone!r} could not be downloaded ({type(error).__name__}). On a machine without a network "
            "fetch timm's file elsewhere and name it: --set model.weights=FILE (.safetensors or .pth), or begin with random "
            "ones: --set model.weights=none."
        ) from error


@torch.no_grad()
def _width(backbone: nn.Module, size_px: int) -> int:
    training = backbone.training
    try:
        width = backbone.eval()(torch.zeros(1, 3, size_px, size_px)).shape[1]
    except (AssertionError, RuntimeError) as error:
        if out_of_memory(error):
            raise
        reason = str(error).splitlines()[0][:200].rstrip(".") if str(error) else type(error).__name__
        raise CoreError(
            f"The network cannot take pictures of {size_px} px (data.size_px): {reason}. Choose another size, or, where timm builds "
            f"it for any, name this one: --set model.backbone_args={{img_size={size_px}}}."
        ) from error
    backbone.train(training)
    return width


def build(spec: ModelSpec, n_classes: int, *, size_px: int, seed: int, load: bool = True) -> Classifier:
    """A network with random weights drawn from ``seed``, then, when the spec names a file, with that file's weights.

    load=False leaves the file alone: a checkpoint is about to be loaded. The caller's random state is untouched.
    """
    if not load:
        spec = ModelSpec(**{**spec.__dict__, "weights": "none", "weights_sha256": ""})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Classifier(spec, n_classes, size_px=size_px)
    if spec.weights not in ("none", "hub"):
        load_pretrained(network, spec)
    return network


def load_pretrained(network: Classifier, spec: ModelSpec) -> None:
    """Fill the backbone (and a head of the same size) from a local file whose hash, if pinned, must match."""
    path = Path(spec.weights)
    if not path.is_file():
        raise CoreError(f"Pretrained weights were expected at {path}; there is no such file.")
    if spec.weights_sha256 and (found := sha256_file(path)) != spec.weights_sha256:
        raise CoreError(
            f"{path.name} is not the pinned file: its SHA-256 is {found[:16]}..., {spec.weights_sha256[:16]}... was "
            "wanted. Fetch the right file or change model.weights_sha256."
        )
    state = translate_keys(read_state(path))
    own = network.state_dict()
    found = {key: value for key, value in state.items() if key in own and own[key].shape == value.shape}
    missing = [key for key in own if key.startswith("backbone.") and key not in found and "num_batches" not in key]
    if missing:
        raise CoreError(
            f"{path.name} does not fit {spec.backbone}: {len(missing)} of its arrays are missing or of another "
            f"shape (first: {missing[0].removeprefix('backbone.')})."
        )
    network.load_state_dict(found, strict=False)


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Arrays of a .safetensors or .pth file; a .pth is read without running any code that it may hold."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both libraries raise many kinds for a damaged or hostile file
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        if "Weights only load failed" in reason:
            reason = "it holds more than arrays, and no code of a file is run"
        elif isinstance(error, LookupError | EOFError):
            reason = "it is of another kind, or only a part of one"
        raise CoreError(
            f"{path.name} cannot be read as weights (.safetensors or .pth): {reason.rstrip('.')}. Fetch the file again, or begin with "
            "random ones: model.weights=none."
        ) from error
    for key in ("state_dict", "model", "ema"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    return {key: value for key, value in state.items() if isinstance(value, torch.Tensor)}


def translate_keys(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names of the authors' files (``module.``, ``enet.``, ``myfc.``) and plain timm names, as this network's names."""
    translated = {}
    for key, value in state.items():
        key = re.sub(r"^(module|_orig_mod)\.", "", key)
        if key.startswith("enet."):
            key = "backbone." + key.removeprefix("enet.")
        elif key.startswith("myfc."):
            key = "head.linear." + key.removeprefix("myfc.")
        elif not key.startswith(("backbone.", "head.linear.")):
            key = "backbone." + key
        translated[key] = value
    return translated


def for_gradients(network: nn.Module) -> nn.Module:
    """The network, none of whose activations works in place where that costs a copy.

    The backward of these needs their input, so in place they copy it first: one pass over memory to read and one to write
    more than giving a new picture, and the same memory. Without gradients in place is better, so it stays there.
    """
    for module in network.modules():
        if type(module) in COPIED_FIRST:
            module.inplace = False
    return network


def weights_hash(network: nn.Module) -> str:
    """SHA-256 over names and bytes of all arrays: two networks are the same to the bit when their hashes are."""
    digest = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
