"""Networks as readers: train an ensemble, predict, combine, judge, explain. Plain Python, no Django.

Importing this package loads neither torch nor pandas: the two calls that a program needs are found on first use.

    from models_ml.core import predict_items, preset, read_manifest, train_ensemble

    manifest = read_manifest("manifest.csv", view="focused")
    run = train_ensemble(preset("tiny"), manifest, "runs/focused", on_event=print)
    predict_items("runs/focused", manifest, split="test", out="predictions.csv")

The same from a terminal: ``python -m models_ml.core --help``.
"""

from importlib import import_module

_HOMES = {
    "train_ensemble": "models_ml.core.training.run",
    "predict_items": "models_ml.core.answers.predict",
    "read_manifest": "models_ml.core.pictures.manifest",
    "preset": "models_ml.core.config",
    "read_config": "models_ml.core.config",
    "combine": "models_ml.core.answers.ensemble",
    "CoreError": "models_ml.core.errors",
}
__all__ = ["CoreError", "combine", "predict_items", "preset", "read_config", "read_manifest", "train_ensemble"]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
