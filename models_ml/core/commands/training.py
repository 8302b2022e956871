"""Training and predicting."""

import sys
from pathlib import Path

from models_ml.core.commands import suggest
from models_ml.core.commands.options import config_of, configured, of_split, of_views, split_of, works
from models_ml.core.commands.watching import listener, stopping
from models_ml.core.config import PRESETS, with_auxiliary_classes
from models_ml.core.errors import CoreError
from models_ml.core.files import read_text
from models_ml.core.pictures.manifest import read_manifest


def _train(arguments) -> int:
    from models_ml.core.training import distributed
    from models_ml.core.training.run import configuration_of, folds_in_words, train_ensemble

    resumed = (Path(arguments.out) / "config.toml").is_file() and not (arguments.config or arguments.preset)
    if not (resumed or arguments.config or arguments.preset):
        raise CoreError(f"Say what to train: --preset {'|'.join(PRESETS)} or --config FILE.toml.")
    cfg = configuration_of(arguments.out) if resumed else config_of(arguments)
    folds = None
    if arguments.fold is not None:
        folds = arguments.fold
    elif arguments.folds != "all":
        folds = [_whole(text) for text in arguments.folds.split(",")]
    distributed.join()
    cfg, manifest = _with_auxiliary(arguments, cfg)
    if distributed.rank() == 0 and (note := folds_in_words(cfg, manifest)):
        print(f"note: {note}", file=sys.stderr)
    with stopping(arguments) as stop:
        result = train_ensemble(
            cfg, manifest, arguments.out, listener(arguments, cfg), stop, folds=folds,
            device=arguments.device, state_every_s=arguments.state_every, networks=arguments.networks,
        )  # fmt: skip
    if distributed.rank() == 0:
        scores = ", ".join("unknown" if r.score is None else f"{r.score:.3f}" for r in result.folds)
        count = f"{len(result.folds)} fold{'s' if len(result.folds) > 1 else ''}"
        print(f"{result.status}: {count} in {result.folder}, held-out balanced accuracy {scores}")
        if result.complete:
            suggest("predict", arguments.out, arguments.manifest, "--out", "predictions.csv")
    distributed.leave()
    return 0 if result.complete else 130


def _with_auxiliary(arguments, cfg):
    """The manifest, with the pictures of --auxiliary, and the configuration that knows their classes."""
    manifest = read_manifest(arguments.manifest)
    if not arguments.auxiliary:
        return cfg, manifest
    from models_ml.core.pictures.isic import join

    found = join(manifest.of_view(cfg.view), [read_manifest(p) for p in arguments.auxiliary], seed=cfg.data.fold_seed)
    return with_auxiliary_classes(cfg, found.auxiliary_classes), found.manifest


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise CoreError(f"Folds are whole numbers separated by commas, or all; found {text!r}.") from None


def _rates(arguments) -> int:
    from models_ml.core.files import write_csv
    from models_ml.core.training.rates import best, try_rates, verdict
    from models_ml.core.training.schedule import peak

    cfg, tried = config_of(arguments), []
    rates = [peak(cfg.recipe) * factor for factor in (0.03, 0.1, 0.3, 1, 3, 10)]
    if arguments.rates:
        rates = [_number(text) for text in arguments.rates.split(",")]
    with stopping(arguments) as stop:
        for one in try_rates(cfg, read_manifest(arguments.manifest), rates, steps=arguments.steps, device=arguments.device, cancelled=stop):
            tried.append(one)
            found = "diverged" if one.held_out_loss is None else f"held-out loss {one.held_out_loss:.3f}"
            score = "" if one.balanced_accuracy is None else f", balanced accuracy {one.balanced_accuracy:.3f}"
            print(f"rate {one.rate:.1e}: {found}{score}", flush=True)
    if arguments.out:
        write_csv(arguments.out, ("rate", "held_out_loss", "balanced_accuracy"),
                  ([one.rate, _or_empty(one.held_out_loss), _or_empty(one.balanced_accuracy)] for one in tried))  # fmt: skip
    print(f"{verdict(tried)}; the recipe's peak is {peak(cfg.recipe):.1e}")
    if (found := best(tried)) is not None:
        print(f"Train at it with --set recipe.lr={found.rate * cfg.recipe.lr / peak(cfg.recipe):.2g}")
    return 0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CoreError(f"Rates are numbers separated by commas; found {text!r}.") from None


def _or_empty(value: float | None) -> float | str:
    return "" if value is None else value


def _predict(arguments) -> int:
    from models_ml.core.answers.predict import predict_items

    wanted = None
    if arguments.items:
        wanted = list(filter(None, map(str.strip, read_text(arguments.items, "A list of items was").splitlines())))
    with stopping(arguments) as stop:
        found = predict_items(
            arguments.run_dir, read_manifest(arguments.manifest), split=split_of(arguments), items=wanted,
            out=arguments.out, model=arguments.model, on_event=listener(arguments), cancelled=stop, device=arguments.device,
            tta_views=arguments.views,
        )  # fmt: skip
    told = f"{found.tta_views} view{'s' if found.tta_views > 1 else ''} of each picture"
    print(f"{arguments.out}: {len(found.members)} members, {len(found.items)} items, {len(found.classes)} classes, {told}")
    suggest("evaluate", arguments.out, "--manifest", arguments.manifest)
    return 0


def add(command) -> None:
    sub = configured(works(command("train", _train, "train, or continue, the members of an ensemble", "manifest")))
    sub.add_argument("--out", required=True, metavar="RUN_DIR", help="run directory; what is begun there is continued")
    sub.add_argument("--auxiliary", action="append", default=[], metavar="FILE", help="further pictures, a manifest of isic")
    sub.add_argument("--fold", type=int, action="append", help="train this fold alone (may be repeated)")
    sub.add_argument("--folds", default="all", help="all (unless told), or numbers separated by commas")
    sub.add_argument("--state-every", type=float, default=60.0, metavar="S",
                     help="seconds between state files within an epoch; 60 unless told")
    sub.add_argument("--tensorboard", action="store_true", help="curves for tensorboard --logdir RUN/tensorboard")
    sub.add_argument("--mlflow", action="store_true", help="settings and curves to MLflow (MLFLOW_TRACKING_URI)")
    words = "short trainings at several learning rates, judged on the first held-out fold; nothing is kept"
    sub = configured(works(command("rates", _rates, words, "manifest")), "tiny")
    sub.add_argument("--rates", help="peaks to try, separated by commas; .03 to 10 times the recipe's unless told")
    sub.add_argument("--steps", type=int, default=100, help="optimiser steps of each; 100 unless told")
    sub.add_argument("--out", metavar="FILE", help="CSV with a row per rate")
    sub = works(
        command(
            "predict", _predict, "probabilities of every member for the pictures of a manifest", "run_dir", "manifest"
        )
    )
    of_split(sub)
    of_views(sub)
    sub.add_argument("--items", metavar="FILE", help="one item per line: predict exactly these")
    sub.add_argument("--model", help="name of the reader in the file; the run's name and view unless told")
    sub.add_argument("--out", required=True, metavar="FILE", help="predictions.csv: a row per member and picture")
