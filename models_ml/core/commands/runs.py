"""What can be asked of a run, or of this machine."""

import sys
from pathlib import Path

from models_ml.core.commands.options import config_of, configured, of_split, of_views, split_of, works
from models_ml.core.commands.watching import listener, stopping
from models_ml.core.config import BASELINES, METHODS, to_toml
from models_ml.core.errors import CoreError
from models_ml.core.pictures.manifest import read_manifest


def _card(arguments) -> int:
    from models_ml.core.training.checkpoint import read_run

    path = Path(arguments.run_dir) / "card.md"
    if not path.is_file():
        read_run(arguments.run_dir)  # says so when it is no run at all
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
    sys.stdout.write(to_toml(config_of(arguments)))
    return 0


def _bench(arguments) -> int:
    from models_ml.core.bench import bench

    for line in bench(config_of(arguments), seconds=arguments.seconds, device=arguments.device, what=arguments.what):
        print(line)
    return 0


def _export(arguments) -> int:
    from models_ml.core.answers.export import FACTS, export_run

    with stopping(arguments) as stop:
        found = export_run(
            arguments.run_dir, arguments.out, tolerance=arguments.tolerance, on_event=listener(arguments), cancelled=stop
        )
    for one in found:
        print(f"{one.path}: largest difference of probabilities to torch {one.difference:.1e}")
    print(f"{Path(arguments.out) / FACTS} says how pictures are brought to the network and members combined.")
    return 0


def _explain(arguments) -> int:
    from models_ml.core.attribution.run import explain_items
    from models_ml.core.events import ExplainProgress, timed

    tell = listener(arguments)
    with stopping(arguments) as stop:
        found = explain_items(
            arguments.run_dir, read_manifest(arguments.manifest), arguments.out,
            split=split_of(arguments), limit=arguments.limit, controls=arguments.controls,
            settings=arguments.set, tta_views=arguments.views,
            on_event=tell and timed(tell, ExplainProgress), cancelled=stop, device=arguments.device,
        )  # fmt: skip
    print(f"{arguments.out}: {found.n_items} items, {found.n_maps} maps, worst completeness gap {found.worst_gap_text}")
    print(f"Open {Path(arguments.out) / 'index.html'}.")
    return 0


def add(command) -> None:
    command("card", _card, "print a run's model card", "run_dir")
    sub = works(command("export", _export, "write ONNX files and check them against torch", "run_dir"), device=False)
    sub.add_argument("--out", required=True, metavar="FOLDER", help="one MEMBER.onnx each, and export.json")
    sub.add_argument("--tolerance", type=float, default=1e-4, help="largest difference of a probability; 1e-4 unless told")
    sub = command("doctor", _doctor, "check this machine and, when given, a run directory; exits 1 when something is wrong")
    sub.add_argument("run_dir", nargs="?", metavar="RUN_DIR")
    configured(command("config", _print_config, "print a configuration as TOML, to be changed and given to --config"), "modern")
    sub = configured(works(command("bench", _bench, "pictures per second and memory needed here")), "tiny")
    sub.add_argument("--what", default="train,infer,input", help="of: train, infer, input, latency")
    sub.add_argument("--seconds", type=float, default=5.0, help="per measurement; 5 unless told")
    sub = works(command("explain", _explain, "attribution maps, their metrics and pictures", "run_dir", "manifest"))
    of_split(sub)
    of_views(sub)
    sub.add_argument("--limit", type=int, help="this many items, spread over the classes")
    sub.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                     help=f"method={'|'.join(METHODS)}, baseline={'|'.join(BASELINES)}, steps, max_steps, gap, targets ...")
    sub.add_argument("--controls", type=int, default=2, help="networks of random weights to compare with; 2 unless told")
    sub.add_argument("--out", required=True, metavar="FOLDER", help="index.html, contact.png, items.csv, summary.json ...")
