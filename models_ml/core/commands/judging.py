"""Combining, judging and comparing predictions."""

from pathlib import Path

from models_ml.core.commands.options import own_of, rule_of, ruled, seed, temperature_of
from models_ml.core.errors import CoreError
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
        _print_judged(result, str(path))
    if arguments.out:
        write_json(arguments.out, {"schema": "classifier-evaluation/1", "results": found})
    return 0


def _print_judged(result: dict, path: str) -> None:
    name = result.get("model", path)
    kind = "ensemble" if "ensemble" in result else "out_of_fold"
    judged = result[kind]
    accuracy, balanced = judged["accuracy_clustered"], judged["balanced_accuracy"]["value"]
    interval = f" [{accuracy['ci_low']:.3f}, {accuracy['ci_high']:.3f}]" if accuracy["ci_low"] is not None else ""
    more = f", balanced {balanced:.3f}" if balanced is not None else ""
    print(f"{name} {kind}: accuracy {accuracy['value']:.3f}{interval}{more}, n = {accuracy['n']}")
    if kind == "ensemble":
        print(f"{name} answers outside the own classes: {judged['out_of_class_answers']}; without a confident member: {judged['fallback']}")
        print(f"{name} mean member: accuracy {result['mean_member_accuracy']:.3f}")
    for words, found in (("probabilities", judged), ("probabilities without the temperature", judged.get("uncalibrated"))):
        if found and found["calibration"]:
            print(
                f"{name} {words}: calibration error {found['calibration']['ece']:.3f}, Brier {found['brier']:.3f}, "
                f"log loss {found['log_loss']:.3f}"
            )
    for line in _by_class(judged["confusion"]):
        print(line)


def _by_class(confusion: dict) -> list[str]:
    """A line per class that occurs: how many there are, the share of them found, the share of its answers that are right."""
    names, counts = confusion["classes"], confusion["counts"]
    width = max(map(len, [*names, "class"]))
    lines = [f"{'class':{width}}  pictures  recall  precision"]
    for k, name in enumerate(names):
        there, answered = sum(counts[k]), sum(row[k] for row in counts)
        if there or answered:
            recall, precision = (f"{counts[k][k] / n:.3f}" if n else "-" for n in (there, answered))
            lines.append(f"{name:{width}}  {there:8}  {recall:>6}  {precision:>9}")
    return lines


def _compare(arguments) -> int:
    from models_ml.core.answers.compare import answered_cases, held_out_cases, pairs
    from models_ml.core.config import differences
    from models_ml.core.training.checkpoint import read_run

    if len(arguments.compared) < 2:
        raise CoreError("Two networks or more are needed to compare: run directories, or files of predictions.")
    manifest = read_manifest(arguments.manifest, check_files=False) if arguments.manifest else None
    groups = {item.id: item.group for item in manifest.items if item.group} if manifest else {}
    named, infos = [], []
    for name in arguments.compared:
        if Path(name).is_dir():
            infos.append(read_run(name))
            named.append((name, held_out_cases(name, infos[-1].labels.own)))
        else:
            named.append((name, answered_cases(name, rule_of(arguments), groups)))
    for pair in pairs(named):
        print(_pair_in_words(pair))
    for info in infos[1:]:
        changed = differences(infos[0].cfg, info.cfg)
        print(f"{info.folder} differs from {infos[0].folder} in: {'; '.join(changed) or 'nothing that decides the weights'}")
    return 0


def _pair_in_words(pair) -> str:
    if pair.test is None:
        return f"{pair.first} and {pair.second} answered no picture both, so they cannot be compared"
    shown = []
    for words, estimate in (("accuracy", pair.test.difference), ("Brier", pair.test.brier_difference)):
        interval = f" [{estimate.ci_low:+.3f}, {estimate.ci_high:+.3f}]" if estimate.ci_low is not None else ""
        shown.append(f"{words} {estimate.value:+.3f}{interval}")
    return (
        f"{pair.first} minus {pair.second}: {', '.join(shown)}, exact p = {pair.test.p:.3g}, n = {pair.n}; right alone: "
        f"{len(pair.first_alone)} and {len(pair.second_alone)}"
    )


def add(command) -> None:
    sub = ruled(command("ensemble", _ensemble, "combine the members of a predictions file", "predictions"))
    sub.add_argument("--out", required=True, metavar="FILE", help="CSV with one row per picture")
    sub = ruled(
        command("evaluate", _evaluate, "judge a predictions file, or a run directory out of fold", "predictions")
    )
    sub.add_argument("--manifest", metavar="FILE", help="for groups (clusters) and skin tones")
    sub.add_argument("--seed", type=seed, default=0, help="of the bootstrap")
    sub.add_argument("--out", metavar="FILE", help="JSON with everything: calibration, confusion, hardest items ...")
    sub = ruled(command("compare", _compare, "every two of these runs (held-out pictures) or predictions files (ensembles)"))
    sub.add_argument("compared", nargs="+", metavar="RUN_DIR|FILE")
    sub.add_argument("--manifest", metavar="FILE", help="for the groups of predictions files: photographs kept whole")
