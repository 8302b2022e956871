"""How hard is a drawn image bank? Trains five small networks per view from scratch and prints their test accuracy.

Not a test: minutes of computing. Run it after changing the painter or a recipe; the ensemble should get 70 to 95 %.

    python -m imagebank.drawing fixtures/founding/drawing.toml --out var/bank --scale 0.5
    nice python tests/performance/drawn_bank_difficulty.py var/bank/manifest.csv --size 96 --epochs 40
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import timm
import torch
from PIL import Image
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import StratifiedGroupKFold
from torch.nn import functional


def load(rows: pd.DataFrame, folder: Path, size_px: int) -> torch.Tensor:
    """Pictures stretched to a square, NCHW in -1..1."""
    pictures = []
    for path in rows["path"]:
        with Image.open(folder / path) as picture:
            picture.draft("RGB", (2 * size_px, 2 * size_px))
            pictures.append(np.asarray(picture.convert("RGB").resize((size_px, size_px), Image.Resampling.LANCZOS)))
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def augmented(image_NCHW: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each picture mirrored, turned, magnified and moved a little, with a little light of its own."""
    count = len(image_NCHW)
    draw = torch.rand(count, 6, generator=generator) * 2 - 1
    angle, zoom = draw[:, 0] * 0.26, 1 + draw[:, 1] * 0.15
    mirror = torch.where(draw[:, 2] > 0, 1.0, -1.0)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = angle.cos() * zoom * mirror, -angle.sin() * zoom
    theta[:, 1, 0], theta[:, 1, 1] = angle.sin() * zoom * mirror, angle.cos() * zoom
    theta[:, :, 2] = draw[:, 3:5] * 0.1
    grid = functional.affine_grid(theta, list(image_NCHW.shape), align_corners=False)
    moved = functional.grid_sample(image_NCHW, grid, padding_mode="reflection", align_corners=False)
    return moved + draw[:, 5, None, None, None] * 0.12


def train_member(x, y, epochs: int, seed: int, network: str, classes: int) -> torch.nn.Module:
    """One network, trained from scratch with AdamW and a one-cycle learning rate."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = timm.create_model(network, pretrained=False, num_classes=classes)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    batches = len(y) // 32
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=epochs * batches)
    weight = 1 / torch.bincount(y, minlength=classes).float().clamp(min=1)
    weight = weight / weight.mean()
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(y), generator=generator)[: batches * 32].view(-1, 32):
            loss = functional.cross_entropy(
                model(augmented(x[batch], generator)), y[batch], weight, label_smoothing=0.05
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model.eval()


@torch.inference_mode()
def probabilities(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    return (model(x).softmax(1) + model(x.flip(3)).softmax(1)) / 2


def assess(rows: pd.DataFrame, folder: Path, options: argparse.Namespace) -> None:
    """Train on the training rows of one view by folds, print accuracy per member and of their mean on the test rows."""
    classes = list(dict.fromkeys(rows["class"].sort_values()))
    x, y = load(rows, folder, options.size), torch.tensor([classes.index(code) for code in rows["class"]])
    train, test = np.flatnonzero(rows["split"] == "train"), np.flatnonzero(rows["split"] == "test")
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(
        train, y[train], rows["group"].to_numpy()[train]
    )
    mean = torch.zeros(len(test), len(classes))
    for fold, (inside, _) in list(enumerate(folds))[: options.folds]:
        chosen = train[inside]
        model = train_member(x[chosen], y[chosen], options.epochs, fold, options.network, len(classes))
        p = probabilities(model, x[test])
        mean += p
        print(f"  member {fold}: {(p.argmax(1) == y[test]).float().mean():.3f}", flush=True)
    print(f"  ensemble: {(mean.argmax(1) == y[test]).float().mean():.3f}")
    print(pd.DataFrame(confusion_matrix(y[test], mean.argmax(1)), index=classes, columns=classes).to_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--size", type=int, default=96, help="side of the network's input, pixels")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--network", default="test_resnet")
    parser.add_argument("--view", choices=["focused", "panoramic"], action="append")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    table = pd.read_csv(options.manifest)
    for view in options.view or ["focused", "panoramic"]:
        print(view)
        assess(table[table["view"] == view].reset_index(drop=True), options.manifest.parent, options)


if __name__ == "__main__":
    main()
