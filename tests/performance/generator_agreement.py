"""How far our networks, losses, gradients and augmentation lie from the stored reference numbers.

    python -m tests.performance.generator_agreement

The tests refuse anything beyond the promised limits; this says how close it really is. One line of JSON.
"""

import json
import tempfile
from pathlib import Path

import torch

from generative.core.importers.load import import_network
from generative.core.networks.weights import load_discriminator, load_generator
from generative.core.training import losses
from tests.generative.core.conftest import REFERENCE, read_npz

CLASSES = ("late", "early", "intermediate")


def apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).abs().max())


def gradients(network, want: dict, prefix: str) -> float:
    """Largest difference of any gradient, relative to that gradient's largest entry."""
    ours = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    stored = {key.removeprefix(prefix): value for key, value in want.items() if key.startswith(prefix)}
    return max(float((ours[name] - value).abs().max() / value.abs().max().clamp_min(1e-8)) for name, value in stored.items())


def pytorch_file(folder: Path) -> dict:
    import_network(REFERENCE / "nv_r32_c3.pkl", folder, classes=CLASSES, licence="test")
    want = read_npz("nv_r32_c3.io.npz")
    g, d = load_generator(folder)[0].requires_grad_(True), load_discriminator(folder)
    z, c = want["z"], want["c"]
    with torch.no_grad():
        found = {
            "styles": apart(g.styles(z, c), want["ws"]),
            "images": apart(g(z, c), want["img_const"]),
            "images_truncated": apart(g(z, c, truncation=0.7), want["img_const_psi0.7"]),
            "logits": apart(d(want["img_const"], c), want["D_logits"]),
        }
    losses.generator_loss(d(g(z, c), c)).backward()
    found["gradients_generator"] = gradients(g, want, "Gmain_grad/")
    d.zero_grad()
    real = want["img_none"]
    penalty = losses.gradient_penalty(losses.image_slope(d, real, c))
    (torch.nn.functional.softplus(-d(real, c)).squeeze(1) + 0.5 * penalty).mean().backward()
    found["gradients_discriminator_r1"] = gradients(d, want, "Dreal_R1_grad/")
    g.zero_grad()
    ws = g.styles(z[:4], c[:4])
    slope = losses.style_slope(g.synthesis, ws, want["PL_noise"])
    (2.0 * losses.path_length(slope, torch.zeros([])).penalty.mean()).backward()
    found["gradients_path_length"] = gradients(g, want, "PL_grad/")
    return found


def tensorflow_file(folder: Path) -> dict:
    import_network(REFERENCE / "tf_morphnf1_r32_avg.pkl", folder, classes=CLASSES, licence="test")
    want = read_npz("tf_morphnf1_r32_avg.io.npz")
    g = load_generator(folder)[0]
    with torch.no_grad():
        return {
            "styles": apart(g.styles(want["z"], want["c"]), want["ws"]),
            "images": apart(g(want["z"], want["c"]), want["img_const"]),
            "logits": apart(load_discriminator(folder)(want["img_const"], want["c"]), want["D_logits"]),
            "middle_of_morph_is_intermediate": apart(
                g(want["z"][:1], torch.tensor([[0.5, 0.5, 0.0]])), want["intermediate_img"]
            ),
        }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        print(json.dumps({"pytorch": pytorch_file(Path(work) / "a"), "tensorflow": tensorflow_file(Path(work) / "b")}))
