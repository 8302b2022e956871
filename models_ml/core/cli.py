"""``python -m models_ml.core COMMAND``: parse, one call, one line saying what came out.

Exit status: 0 done, 1 a check failed (audit, export parity, doctor), 2 bad usage or input, 130 cancelled (the same
command continues).
"""

import argparse
import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from models_ml.core.config import (
    BASELINES,
    METHODS,
    PRESETS,
    EnsembleRule,
    override,
    preset,
    read_config,
    to_toml,
    with_auxiliary_classes,
)
from models_ml.core.errors import Cancelled, CoreError
from models_ml.core.files import read_text
from models_ml.core.pictures.manifest import read_manifest

EPILOG = """\
from a manifest (item, class, view, path; optionally split, fold, group, mask) to answers:
  split manifest.csv --out folds.csv
  train folds.csv --preset modern --out RUN_DIR         (the same command continues; torchrun -m for several GPUs)
  predict RUN_DIR folds.csv --out predictions.csv
  evaluate predictions.csv --manifest folds.csv
  explain RUN_DIR folds.csv --out maps

exit status: 0 done, 1 a check failed, 2 bad usage or input, 130 cancelled. docs/networks.md says more."""
NO_MEMORY = (
    "The device ran out of memory; what was saved before is kept. End other work on it, or choose a device with more "
    "(--device cpu takes the main memory), and start the same command again."
)


def main(argv: list[str] | None = None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except Cancelled as error:
        print(error, file=sys.stderr)
        return 130
    except CoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename or 'a file'}: {error.strerror}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        from models_ml.core.device import out_of_memory

        if not out_of_memory(error):
            raise
        print(f"error: {NO_MEMORY}", file=sys.stderr)
        return 2


class _Stop:
    """Control-C or SIGTERM asks the work to stop at the next step; a second one stops at once.

    with_stdin: the end of the standard input asks as well, so that the work ends when the program that started it dies.
    """

    def __init__(self, *, with_stdin: bool = False):
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)
        if with_stdin:
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while os.read(0, 4096):
            pass
        self.asked = True

    def _ask(self, number, frame):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        print("stopping after this step; the same command continues", file=sys.stderr)

    def __call__(self) -> bool:
        return self.asked


def _listener(arguments, cfg=None):
    from models_ml.core.events import JsonLines, ProgressBar, together
    from models_ml.core.training import distributed

    if distributed.rank() != 0:
        return None
    lines = JsonLines(arguments.events) if getattr(arguments, "events", None) else None
    return together(None if arguments.quiet else ProgressBar(), lines, *_curves(arguments, cfg))


def _curves(arguments, cfg) -> list:
    """Listeners of --tensorboard and --mlflow."""
    from models_ml.core.curves import MLflow, TensorBoard

    board = [TensorBoard(Path(arguments.out) / "tensorboard", cfg)] if getattr(arguments, "tensorboard", False) else []
    return board + ([MLflow(arguments.out, cfg)] if getattr(arguments, "mlflow", False) else [])


def _stop(arguments) -> _Stop:
    return _Stop(with_stdin=getattr(arguments, "stop_with_stdin", False))


def _config(arguments):
    cfg = read_config(arguments.config) if arguments.config else preset(arguments.preset)
    if arguments.view is not None:
        cfg = replace(cfg, view=arguments.view)
    for assignment in arguments.set:
        cfg = override(cfg, assignment)
    return replace(cfg, name=arguments.name) if arguments.name else cfg


def _train(arguments) -> int:
    from models_ml.core.training import distributed
    from models_ml.core.training.run import configuration_of, train_ensemble

    resumed = (Path(arguments.out) / "config.toml").is_file() and not (arguments.config or arguments.preset)
    if not (resumed or arguments.config or arguments.preset):
        raise CoreError(f"Say what to train: --preset {'|'.join(PRESETS)} or --config FILE.toml.")
    cfg = configuration_of(arguments.out) if resumed else _config(arguments)
    folds = None
    if arguments.fold is not None:
        folds = arguments.fold
    elif arguments.folds != "all":
        folds = [_whole(text) for text in arguments.folds.split(",")]
    distributed.join()
    cfg, manifest = _with_auxiliary(arguments, cfg)
    result = train_ensemble(
        cfg, manifest, arguments.out, _listener(arguments, cfg), _stop(arguments), folds=folds,
        device=arguments.device, state_every_s=arguments.state_every,
    )  # fmt: skip
    if distributed.rank() == 0:
        scores = ", ".join("unknown" if r.score is None else f"{r.score:.3f}" for r in result.folds)
        print(f"{result.status}: {len(result.folds)} folds in {result.folder}, held-out balanced accuracy {scores}")
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


def _split_of(arguments) -> str | None:
    return None if arguments.split == "any" else arguments.split


def _predict(arguments) -> int:
    from models_ml.core.answers.predict import predict_items

    wanted = None
    if arguments.items:
        wanted = list(filter(None, map(str.strip, read_text(arguments.items, "A list of items was").splitlines())))
    found = predict_items(
        arguments.run_dir, read_manifest(arguments.manifest), split=_split_of(arguments),
        items=wanted, out=arguments.out, model=arguments.model, on_event=_listener(arguments), cancelled=_stop(arguments),
        device=arguments.device,
    )  # fmt: skip
    print(f"{arguments.out}: {len(found.members)} members, {len(found.items)} items, {len(found.classes)} classes")
    return 0


def _rule(arguments) -> EnsembleRule:
    return EnsembleRule(
        arguments.rule, arguments.threshold, not arguments.exclusive, arguments.fallback, arguments.restrict
    )


def _temperature(arguments) -> float:
    if not arguments.calibrated:
        return 1.0
    from models_ml.core.training.checkpoint import CALIBRATION, read_temperature

    if not (Path(arguments.calibrated) / CALIBRATION).is_file():
        raise CoreError(f"{arguments.calibrated} is not a finished run: {CALIBRATION} is missing.")
    return read_temperature(arguments.calibrated) or 1.0


def _own(arguments) -> list[str]:
    return [name.strip() for name in arguments.own.split(",") if name.strip()]


def _ensemble(arguments) -> int:
    from models_ml.core.answers.ensemble import combine_predictions, write_ensemble
    from models_ml.core.answers.predictions import read_predictions

    pairs = []
    for predictions in read_predictions(arguments.predictions):
        combined = combine_predictions(predictions, _rule(arguments), _own(arguments), _temperature(arguments))
        pairs.append((predictions, combined))
    write_ensemble(arguments.out, pairs)
    fell_back = sum(int((combined.fallback_N != "").sum()) for _, combined in pairs)
    print(f"{arguments.out}: {sum(len(p.items) for p, _ in pairs)} items, {fell_back} without a confident member")
    return 0


def _evaluate(arguments) -> int:
    from models_ml.core.answers.evaluate import evaluate_out_of_fold, evaluate_predictions
    from models_ml.core.answers.predictions import read_predictions
    from models_ml.core.files import write_json
    from models_ml.core.training.checkpoint import read_run

    path = Path(arguments.predictions)
    if path.is_dir():
        manifest = read_manifest(arguments.manifest or path / "folds.csv", check_files=False)
        own = _own(arguments) or read_run(path).labels.own
        found = [evaluate_out_of_fold(path / "oof.csv", manifest, own=own, seed=arguments.seed)]
    else:
        manifest = read_manifest(arguments.manifest, check_files=False) if arguments.manifest else None
        found = [
            evaluate_predictions(
                p, _rule(arguments), own=_own(arguments), temperature=_temperature(arguments), manifest=manifest,
                seed=arguments.seed,
            )
            for p in read_predictions(path)
        ]  # fmt: skip
    for result in found:
        for name in ("out_of_fold", "ensemble"):
            if name in result:
                a = result[name]["accuracy_clustered"]
                interval = f" [{a['ci_low']:.3f}, {a['ci_high']:.3f}]" if a["ci_low"] is not None else ""
                balanced = result[name]["balanced_accuracy"]["value"]
                more = f", balanced {balanced:.3f}" if balanced is not None else ""
                print(f"{result.get('model', path)} {name}: accuracy {a['value']:.3f}{interval}{more}, n = {a['n']}")
        if "ensemble" in result:
            e = result["ensemble"]
            print(f"{result['model']} answers outside the own classes: {e['out_of_class_answers']}; {e['fallback']} fell back")
        if "mean_member_accuracy" in result:
            print(f"{result['model']} mean member: accuracy {result['mean_member_accuracy']:.3f}")
    if arguments.out:
        write_json(arguments.out, {"schema": "classifier-evaluation/1", "results": found})
    return 0


def _audit(arguments) -> int:
    from models_ml.core.pictures.audit import audit, leak_cost, report

    manifest = read_manifest(arguments.manifest, view=arguments.view)
    found = audit(manifest, pictures=not arguments.groups_only)
    print(report(found, manifest))
    if arguments.oof:
        cost = leak_cost(found, manifest, arguments.oof)
        clean = "unknown (no such item)" if cost.accuracy_clean is None else f"{cost.accuracy_clean:.3f}"
        print(f"out-of-fold accuracy {cost.accuracy_all:.3f} of {cost.n_all}")
        print(f"without leaking items {clean} of {cost.n_clean}")
    return 0 if found.clean else 1


def _split(arguments) -> int:
    from models_ml.core.pictures.audit import audit
    from models_ml.core.pictures.folds import split

    manifest = read_manifest(arguments.manifest, view=arguments.view)
    pairs = [(p.first, p.second) for p in audit(manifest).pairs] if arguments.duplicates else []
    result = split(manifest, folds=arguments.folds, seed=arguments.seed, pairs=pairs)
    result.write(arguments.out)
    sizes = [sum(item.fold == k for item in result.items) for k in range(arguments.folds)]
    print(f"{arguments.out}: folds of {', '.join(map(str, sizes))} pictures, {len(result.test)} test pictures")
    return 0


def _pack(arguments) -> int:
    from models_ml.core.pictures.pack import pack

    cfg = _config(arguments)
    manifest = read_manifest(arguments.manifest).of_view(cfg.view)
    packed = pack(manifest.items, cfg.data, arguments.out, on_event=_listener(arguments), cancelled=_stop(arguments))
    print(
        f"{arguments.out}: pack {packed.key}, {len(packed.ids)} pictures, {packed.pixels_NHWC.nbytes / 2**20:.0f} MiB"
    )
    return 0


def _card(arguments) -> int:
    path = Path(arguments.run_dir) / "card.md"
    if not path.is_file():
        raise CoreError(f"{arguments.run_dir} has no card yet; it is written when the first fold ends.")
    sys.stdout.write(path.read_text(encoding="utf-8"))
    return 0


def _doctor(arguments) -> int:
    from models_ml.core.doctor import examine

    findings = examine(arguments.run_dir)
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'BAD '} {finding.text}")
    return 0 if all(finding.ok for finding in findings) else 1


def _print_config(arguments) -> int:
    sys.stdout.write(to_toml(_config(arguments)))
    return 0


def _bench(arguments) -> int:
    from models_ml.core.bench import bench

    for line in bench(_config(arguments), seconds=arguments.seconds, device=arguments.device, what=arguments.what):
        print(line)
    return 0


def _export(arguments) -> int:
    from models_ml.core.answers.export import export_run

    found = export_run(
        arguments.run_dir, arguments.out, tolerance=arguments.tolerance, on_event=_listener(arguments),
        cancelled=_stop(arguments),
    )  # fmt: skip
    for one in found:
        print(f"{one.path}: largest difference of probabilities to torch {one.difference:.1e}")
    return 0


def _explain(arguments) -> int:
    from models_ml.core.attribution.run import explain_items
    from models_ml.core.events import ExplainProgress, timed

    tell = _listener(arguments)
    found = explain_items(
        arguments.run_dir, read_manifest(arguments.manifest), arguments.out,
        split=_split_of(arguments), limit=arguments.limit, controls=arguments.controls,
        settings=arguments.set, on_event=tell and timed(tell, ExplainProgress), cancelled=_stop(arguments), device=arguments.device,
    )  # fmt: skip
    print(f"{arguments.out}: {found.n_items} items, {found.n_maps} maps, worst completeness gap {found.worst_gap_text}")
    return 0


def _isic(arguments) -> int:
    from models_ml.core.pictures.isic import read_auxiliary, read_label_map

    manifest = read_auxiliary(arguments.csv, arguments.images, label_map=read_label_map(arguments.labels))
    manifest.write(arguments.out)
    print(f"{arguments.out}: {len(manifest)} auxiliary pictures")
    return 0


def _works(sub):
    """Options of every command that computes for long."""
    sub.add_argument("--device", default="auto", help="auto (a GPU where there is one), cpu, cuda or cuda:1")
    sub.add_argument("--quiet", action="store_true", help="no progress")
    sub.add_argument("--events", metavar="FILE", help="append every event to this file, one JSON object per line")
    sub.add_argument("--stop-with-stdin", action="store_true", help="stop in order when the standard input ends")
    return sub


def _configured(sub, default=None):
    """Options that choose a configuration."""
    named = f"{', '.join(PRESETS)}{f'; {default} unless told' if default else ''}"
    sub.add_argument("--preset", default=default, help=named)
    sub.add_argument("--config", metavar="FILE", help="a TOML file instead of a preset; the command config prints one")
    sub.add_argument("--view", help="which pictures, e.g. focused")
    sub.add_argument("--set", action="append", default=[], metavar="SECTION.NAME=VALUE",
                     help="change one setting, e.g. recipe.epochs=10 (may be repeated); the command config names all")
    sub.add_argument("--name", help="name of the run")
    return sub


# fmt: off
def _ruled(sub):
    """Options that choose an ensemble rule."""
    sub.add_argument("--rule", default="confident-mean", choices=("confident-mean", "mean", "vote"),
                     help="confident-mean, the founding study's, unless told")
    sub.add_argument("--threshold", type=float, default=0.5, help="largest probability of a confident member; 0.5")
    sub.add_argument("--exclusive", action="store_true", help="above the threshold, not at it (the authors' code)")
    sub.add_argument("--fallback", default="mean", choices=("mean", "abstain"), help="when no member is confident; mean unless told")
    sub.add_argument("--restrict", default="all", choices=("all", "own"), help="own: answer own classes alone")
    sub.add_argument("--own", default="", help="own classes, separated by commas (default: those that occur as truth)")
    sub.add_argument("--calibrated", metavar="RUN", help="apply that run's temperature after averaging")
    return sub
# fmt: on


def _of_split(sub) -> None:
    sub.add_argument("--split", default="test", choices=("train", "test", "any"), help="which pictures; test unless told")


def _training_commands(command) -> None:
    """Training and predicting."""
    sub = _configured(_works(command("train", _train, "train, or continue, the members of an ensemble", "manifest")))
    sub.add_argument("--out", required=True, metavar="RUN_DIR", help="run directory; what is begun there is continued")
    sub.add_argument("--auxiliary", action="append", default=[], metavar="FILE", help="further pictures, a manifest of isic")
    sub.add_argument("--fold", type=int, action="append", help="train this fold alone (may be repeated)")
    sub.add_argument("--folds", default="all", help="all (unless told), or numbers separated by commas")
    sub.add_argument("--state-every", type=float, default=60.0, metavar="S",
                     help="seconds between state files within an epoch; 60 unless told")
    sub.add_argument("--tensorboard", action="store_true", help="curves for tensorboard --logdir RUN/tensorboard")
    sub.add_argument("--mlflow", action="store_true", help="settings and curves to MLflow (MLFLOW_TRACKING_URI)")
    sub = _works(
        command(
            "predict", _predict, "probabilities of every member for the pictures of a manifest", "run_dir", "manifest"
        )
    )
    _of_split(sub)
    sub.add_argument("--items", metavar="FILE", help="one item per line: predict exactly these")
    sub.add_argument("--model", help="name of the reader in the file; the run's name and view unless told")
    sub.add_argument("--out", required=True, metavar="FILE", help="predictions.csv: a row per member and picture")


def _judging_commands(command) -> None:
    """Combining and judging predictions."""
    sub = _ruled(command("ensemble", _ensemble, "combine the members of a predictions file", "predictions"))
    sub.add_argument("--out", required=True, metavar="FILE", help="CSV with one row per picture")
    sub = _ruled(
        command("evaluate", _evaluate, "judge a predictions file, or a run directory out of fold", "predictions")
    )
    sub.add_argument("--manifest", metavar="FILE", help="for groups (clusters) and skin tones")
    sub.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    sub.add_argument("--out", metavar="FILE", help="JSON with everything: calibration, confusion, hardest items ...")


def _picture_commands(command) -> None:
    """Manifests and pictures."""
    sub = command(
        "audit", _audit, "find test or held-out pictures with relatives in training; exits 1 on a leak", "manifest"
    )
    sub.add_argument("--view", help="which pictures; all unless told")
    sub.add_argument("--groups-only", action="store_true", help="do not compare pictures")
    sub.add_argument("--oof", metavar="FILE", help="out-of-fold predictions: what do the leaks cost?")
    sub = command("split", _split, "draw folds that keep groups together and classes even", "manifest")
    sub.add_argument("--view", help="which pictures; all unless told")
    sub.add_argument("--folds", type=int, default=5, help="how many; 5 unless told")
    sub.add_argument("--seed", type=int, default=0, help="of the draw")
    sub.add_argument("--duplicates", action="store_true", help="keep near duplicates together, too")
    sub.add_argument("--out", required=True, metavar="FILE", help="manifest with a fold for every training picture")
    sub = _configured(_works(command("pack", _pack, "decode all pictures once into one array", "manifest")), "tiny")
    sub.add_argument("--out", required=True, metavar="FOLDER", help="RUN_DIR/cache lets train find it there")
    sub = command("isic", _isic, "auxiliary manifest from an ISIC ground-truth CSV", "csv", "images")
    sub.add_argument("--labels", metavar="FILE", help="TOML table of label names (default: the shipped isic_labels.toml)")
    sub.add_argument("--out", required=True, metavar="FILE", help="manifest, for train --auxiliary")


def _run_commands(command) -> None:
    """What can be asked of a run, or of this machine."""
    command("card", _card, "print a run's model card", "run_dir")
    sub = _works(command("export", _export, "write ONNX files and check them against torch", "run_dir"))
    sub.add_argument("--out", required=True, metavar="FOLDER", help="one MEMBER.onnx each, and export.json")
    sub.add_argument("--tolerance", type=float, default=1e-4, help="largest difference of a probability; 1e-4 unless told")
    sub = command("doctor", _doctor, "check this machine and, when given, a run directory; exits 1 when something is wrong")
    sub.add_argument("run_dir", nargs="?", metavar="RUN_DIR")
    _configured(command("config", _print_config, "print a configuration as TOML, to be changed and given to --config"), "modern")
    sub = _configured(_works(command("bench", _bench, "pictures per second and memory needed here")), "tiny")
    sub.add_argument("--what", default="train,infer,input", help="of: train, infer, input, latency")
    sub.add_argument("--seconds", type=float, default=5.0, help="per measurement; 5 unless told")
    sub = _works(command("explain", _explain, "attribution maps, their metrics and pictures", "run_dir", "manifest"))
    _of_split(sub)
    sub.add_argument("--limit", type=int, help="this many items, spread over the classes")
    sub.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                     help=f"method={'|'.join(METHODS)}, baseline={'|'.join(BASELINES)}, steps, max_steps, gap, targets ...")
    sub.add_argument("--controls", type=int, default=2, help="networks of random weights to compare with; 2 unless told")
    sub.add_argument("--out", required=True, metavar="FOLDER", help="index.html, contact.png, items.csv, summary.json ...")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models_ml.core", description="Networks as readers.", epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, run, help_text, *positional):
        sub = commands.add_parser(name, help=help_text, description=help_text)
        for argument in positional:
            sub.add_argument(argument, metavar=argument.upper())
        sub.set_defaults(run=run)
        return sub

    for add in (_training_commands, _judging_commands, _picture_commands, _run_commands):
        add(command)
    return parser
