"""evaluate, audit: an image set against real pictures."""

from __future__ import annotations

import dataclasses

from generative.core.commands.telling import Stages, save_json, suggest
from generative.core.errors import InputError

LEAST_REAL = 5


def _judged(options, folder):
    """(set, train, held-out, features) at one resolution."""
    from generative.core.data import read_manifest
    from generative.core.judging.evaluate import load_set, own_resolution
    from generative.core.judging.features import open_features

    features = open_features(options.features, options.device)  # before hundreds of pictures are read: it may be refused
    resolution = options.resolution or own_resolution(folder)
    real = read_manifest(options.manifest, resolution=resolution, view=options.view, fit=options.fit)
    loaded = load_set(folder, resolution)
    train, held_out = real.split("train"), real.split("test")
    if len(train) < LEAST_REAL:
        of = f" of the view {options.view}" if options.view else ""
        raise InputError(
            f"Judging needs {LEAST_REAL} training pictures{of} or more to compare with; {options.manifest} has {len(train)} "
            f"(and {len(held_out)} with split = test, which are held out). Give the manifest that the generator was trained on."
        )
    return loaded, train, held_out, features


def run_evaluate(options) -> int:
    from generative.core.judging.evaluate import evaluate, in_words
    from generative.core.sets.setfiles import opened_set, read_or_describe

    with opened_set(options.set) as folder:
        loaded, train, held_out, features = _judged(options, folder)
        frozen = read_or_describe(folder)["set_hash"]  # a set that is not what its record says is not judged
        with Stages() as tell:
            report = evaluate(loaded, train, held_out, features, seed=options.seed, tell=tell)
    save_json(options.out, {**report, "set_hash": frozen})
    print("\n".join(in_words(report)))
    print(f"{options.out} holds all of it.")
    suggest("audit", options.set, "--manifest", options.manifest, *(["--view", options.view] if options.view else []),
            *([] if options.features == "random" else ["--features", options.features]), "--out", "audit")  # fmt: skip
    return 0


def _prober(options):
    """The network for the membership probe, where one is asked for: before the search, which takes long."""
    from generative.core.networks.weights import load_generator

    if not options.probe:
        return None
    if options.weights is None:
        raise InputError("--probe needs --weights, the network that made the set.")
    return load_generator(options.weights, device=options.device)[0]


def run_audit(options) -> int:
    from generative.core.judging import privacy
    from generative.core.sets.setfiles import opened_set, read_or_describe

    prober = _prober(options)
    with opened_set(options.set) as folder:
        frozen = read_or_describe(folder)["set_hash"]
        loaded, train, held_out, features = _judged(options, folder)
        items, images = list(loaded.table.items), loaded.table.images
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{options.out} cannot be made: {error.strerror}; give --out another folder.") from error
    with Stages(options.out / "progress.json") as tell:
        report = privacy.audit(items, images, train, held_out, features, seed=options.seed, cache=options.cache, tell=tell)
        content = {**report.to_json(), "set_hash": frozen}
        if prober:
            probe = privacy.membership_probe(prober, train, held_out, count=options.probe, seed=options.seed, tell=tell)
            content["membership"] = dataclasses.asdict(probe)
    privacy.save_quarantine(options.out / "curators-only", report, items, images, train)
    save_json(options.out / "audit.json", content)
    count = f"{len(report.quarantined)} of {len(items)} pictures are suspected copies"
    print(f"{count} (calibrated on {report.calibration}); {options.out}.")
    if report.quarantined:
        pairs = options.out / "curators-only"
        print(f"Each stands beside its neighbour in {pairs}. On the site somebody decides about each; then the set is published.")
    else:
        print(f"Next, where the site is: manage.py publish_set STUDY {options.set} --view VIEW --audit {options.out / 'audit.json'}")
    return 1 if report.quarantined else 0
