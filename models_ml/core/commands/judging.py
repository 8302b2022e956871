"""Combining and judging predictions."""

from pathlib import Path

from models_ml.core.commands.options import own_of, rule_of, ruled, temperature_of
from models_ml.core.pictures.manifest import read_manifest


def _ensemble(arguments) -> int:
    from models_ml.core.answers.ensemble import combine_predictions, write_ensemble
    from models_ml.core.answers.predictions import read_predictions

    pairs = []
    for predictions in read_predictions(arguments.predictions):
        combined = combine_predictions(predictions, rule_of(arguments), own_of(arguments), temperature_of(arguments))
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
        own = own_of(arguments) or read_run(path).labels.own
        found = [evaluate_out_of_fold(path / "oof.csv", manifest, own=own, seed=arguments.seed)]
    else:
        manifest = read_manifest(arguments.manifest, check_files=False) if arguments.manifest else None
        found = [
            evaluate_predictions(
                p, rule_of(arguments), own=own_of(arguments), temperature=temperature_of(arguments), manifest=manifest,
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


def add(command) -> None:
    sub = ruled(command("ensemble", _ensemble, "combine the members of a predictions file", "predictions"))
    sub.add_argument("--out", required=True, metavar="FILE", help="CSV with one row per picture")
    sub = ruled(
        command("evaluate", _evaluate, "judge a predictions file, or a run directory out of fold", "predictions")
    )
    sub.add_argument("--manifest", metavar="FILE", help="for groups (clusters) and skin tones")
    sub.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    sub.add_argument("--out", metavar="FILE", help="JSON with everything: calibration, confusion, hardest items ...")
