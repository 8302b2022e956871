"""Manifests and pictures."""

from models_ml.core.commands import suggest
from models_ml.core.commands.options import config_of, configured, seed, works
from models_ml.core.commands.watching import listener, stopping
from models_ml.core.pictures.manifest import read_manifest


def _audit(arguments) -> int:
    from models_ml.core.pictures.audit import audit, leak_cost, report

    manifest = read_manifest(arguments.manifest, view=arguments.view)
    found = audit(manifest, pictures=not arguments.groups_only)
    print(report(found, manifest))
    if not found.clean:
        print("Correct group or split of these rows; split --duplicates keeps training pictures that are alike in one fold.")
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
    views = {item.view for item in result.items}
    named = ["--view", views.pop()] if len(views) == 1 and "" not in views else []
    suggest("train", arguments.out, *named, "--preset", "modern", "--out", "run")
    return 0


def _pack(arguments) -> int:
    from models_ml.core.pictures.pack import pack

    cfg = config_of(arguments)
    manifest = read_manifest(arguments.manifest).of_view(cfg.view)
    with stopping(arguments) as stop:
        packed = pack(manifest.items, cfg.data, arguments.out, on_event=listener(arguments), cancelled=stop)
    print(
        f"{arguments.out}: pack {packed.key}, {len(packed.ids)} pictures, {packed.pixels_NHWC.nbytes / 2**20:.0f} MiB"
    )
    return 0


def _isic(arguments) -> int:
    from models_ml.core.pictures.isic import read_auxiliary, read_label_map

    manifest = read_auxiliary(arguments.csv, arguments.images, label_map=read_label_map(arguments.labels))
    manifest.write(arguments.out)
    print(f"{arguments.out}: {len(manifest)} auxiliary pictures")
    suggest("train", "MANIFEST", "--auxiliary", arguments.out, "--preset", "modern", "--out", "run")
    return 0


def add(command) -> None:
    sub = command(
        "audit", _audit, "find test or held-out pictures with relatives in training; exits 1 on a leak", "manifest"
    )
    sub.add_argument("--view", help="which pictures; all unless told")
    sub.add_argument("--groups-only", action="store_true", help="do not compare pictures")
    sub.add_argument("--oof", metavar="FILE", help="out-of-fold predictions: what do the leaks cost?")
    sub = command("split", _split, "draw folds that keep groups together and classes even", "manifest")
    sub.add_argument("--view", help="which pictures; all unless told")
    sub.add_argument("--folds", type=int, default=5, help="how many; 5 unless told")
    sub.add_argument("--seed", type=seed, default=0, help="of the draw")
    sub.add_argument("--duplicates", action="store_true", help="keep near duplicates together, too")
    sub.add_argument("--out", required=True, metavar="FILE", help="manifest with a fold for every training picture")
    sub = configured(works(command("pack", _pack, "decode all pictures once into one array", "manifest"), device=False), "tiny")
    sub.add_argument("--out", required=True, metavar="FOLDER", help="RUN_DIR/cache lets train find it there")
    sub = command("isic", _isic, "auxiliary manifest from an ISIC ground-truth CSV", "csv", "images")
    sub.add_argument("--labels", metavar="FILE", help="TOML table of label names (default: the shipped isic_labels.toml)")
    sub.add_argument("--out", required=True, metavar="FILE", help="manifest, for train --auxiliary")
