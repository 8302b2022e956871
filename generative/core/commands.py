"""What each command does, with its heavy imports inside. Every function takes parsed arguments, returns the status."""

from __future__ import annotations

import dataclasses
import json
import signal
import sys
from pathlib import Path

import numpy as np

from generative.core.errors import InputError
from generative.core.training.recipe import FAST, Recipe, preset


def _say(text: str) -> None:
    print(text)


def run_import(options) -> int:
    from generative.core.importers.load import import_network

    record = import_network(options.network, options.out, classes=options.classes, licence=options.licence)
    shape = record.shape
    _say(
        f"Imported {options.network.name} ({record.source['format']}, {shape.resolution} px, classes "
        f"{', '.join(shape.classes) or 'none'}, licence {record.licence}) into {options.out}."
    )
    return 0


def run_render(options) -> int:
    """inputs: z (N, z_dim), c (N, c_dim), optional truncation (scalar) and noise ("const" or "none")."""
    import torch

    from generative.core.networks.weights import atomic_file, load_generator

    generator, _ = load_generator(options.weights)
    shape = generator.shape
    try:
        with np.load(options.inputs, allow_pickle=False) as data:
            given = {key: data[key] for key in data.files}
    except (OSError, ValueError) as error:
        raise InputError(f"{options.inputs} cannot be read as npz: {error}.") from error
    z = _matrix(given, "z", shape.z_dim)
    c = _matrix(given, "c", shape.c_dim) if shape.c_dim else np.zeros((len(z), 0), np.float32)
    if len(z) != len(c):
        raise InputError(f"z has {len(z)} rows and c {len(c)}; they must be the same.")
    noise = str(given.get("noise", "const"))
    if noise not in ("const", "none"):
        raise InputError(f"noise must be const or none; found {noise!r}.")
    truncation = np.asarray(given.get("truncation", 1.0), dtype=np.float64)
    if truncation.size != 1:
        raise InputError(f"truncation must be one number; found {truncation.size}.")
    with torch.no_grad():
        ws = generator.styles(torch.from_numpy(z), torch.from_numpy(c), truncation=float(truncation.reshape(())))
        images = [generator.synthesis(part, noise=noise) for part in ws.split(16)]
    with atomic_file(options.out) as work, open(work, "wb") as handle:
        np.savez(handle, ws=ws.numpy(), images=torch.cat(images).numpy())
    _say(f"Wrote {len(z)} images of {shape.resolution} px to {options.out}.")
    return 0


def _matrix(given: dict, name: str, width: int) -> np.ndarray:
    found = given.get(name)
    if found is None or found.ndim != 2 or found.shape[1] != width or not len(found) or found.dtype.kind not in "fiu":
        shape = None if found is None else found.shape
        raise InputError(f"The inputs need {name} of shape (N, {width}); found {shape}.")
    if not np.isfinite(found).all():
        raise InputError(f"{name} holds numbers that are not finite.")
    return found.astype(np.float32)


# --- train


def _recipe(options) -> Recipe:
    recipe = preset(options.recipe, options.resolution)
    changes: dict = dict(FAST) if options.fast else {}
    kinds = {f.name: f.type for f in dataclasses.fields(Recipe)}
    for key, text in options.options:
        recipe.with_options(**{key: None}) if key not in kinds else None
        changes[key] = _parsed(key, text)
    if options.ordinal:
        if len(options.ordinal) != 3:
            raise InputError(f"--ordinal needs three class names (low,middle,high); found {len(options.ordinal)}.")
        changes["ordinal"] = options.ordinal
    if options.kimg is not None:
        changes["total_kimg"] = options.kimg
    try:
        return recipe.with_options(**changes)
    except TypeError as error:
        raise InputError(f"A recipe option has the wrong kind of value: {error}.") from error


def _parsed(key: str, text: str):
    """A value as JSON, or as the word it is."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return tuple(value) if isinstance(value, list) else value


def run_train(options) -> int:
    from generative.core.data import read_manifest
    from generative.core.training.distributed import speaks
    from generative.core.training.loop import train

    recipe = _recipe(options)
    table = read_manifest(options.manifest, resolution=recipe.resolution, classes=options.classes, view=options.view,
                          fit=options.fit)  # fmt: skip
    data = table.split("train")
    device = _device(options.device)
    stopped = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.append(True))
    with _Progress(recipe.total_kimg) as progress:
        result = train(recipe, data, options.out, seed=options.seed, start=options.start, start_preset=options.preset,
                       licence=options.licence, device=device, on_event=progress,
                       should_cancel=lambda: bool(stopped))  # fmt: skip
    if not speaks():
        return 0
    if result.report:
        _say(f"Started by {result.report['preset']}: {len(result.report['loaded'])} tensors loaded, "
             f"{len(result.report['fresh'])} fresh (listed in training.json).")  # fmt: skip
    _say(f"Trained to {result.images / 1000:g} kimg, augmentation at {result.ada_p:.3f}; weights in {result.snapshot}.")
    return 0


def _device(name: str) -> str:
    """auto is a GPU where there is one; a device that cannot be used is refused."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"The device {name!r} cannot be used here: {str(error).splitlines()[0]}") from error
    return name


class _Progress:
    """A bar on a terminal; lines when there is none."""

    def __init__(self, total_kimg: float):
        from tqdm import tqdm

        self.bar = tqdm(total=round(total_kimg, 3), unit="kimg", disable=not sys.stderr.isatty())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()

    def __call__(self, event: dict) -> None:
        if event["event"] == "progress":
            self.bar.update(event["kimg"] - self.bar.n)
            self.bar.set_postfix(p=event["ada_p"], g=event["loss_g"], d=event["loss_d"], refresh=False)
        elif event["event"] in ("kid", "snapshot") and self.bar.disable:
            _say(f"{event['kimg']:g} kimg: {event['event']} {event.get('kid', event.get('path'))}")


# --- generate, morph, mix, project


def _write(options, plan, generator, record, extra: dict | None = None) -> int:
    from generative.core.sets.imageset import make_pictures, write_set

    pictures = make_pictures(generator, plan)
    files = {name: (lambda path, made=maker: made(path, pictures)) for name, maker in (extra or {}).items()}
    content = write_set(options.out, pictures, plan.to_json(), record, kind=plan.kind, extra_files=files)
    _say(f"Wrote {len(pictures)} pictures to {options.out}; set {content['set_hash'][:12]}.")
    return 0


def _page(title: str, facts: dict, figures: list, nature: str | None = None):
    """figures: `Figure`s whose files lie beside the page."""
    from generative.core.sets.strips import GENERATED, save_page

    def write(path: Path, _) -> None:
        beside = [dataclasses.replace(figure, file=path.parent / figure.file) for figure in figures]
        save_page(path, title=title, facts=facts, figures=beside, nature=nature or GENERATED)

    return write


def _sheet(columns: int):
    from generative.core.sets.strips import save_grid

    return lambda path, pictures: save_grid(np.stack([p.image for p in pictures]), path, columns=columns)


def _facts(options, record) -> dict:
    return {"weights": record.content_hash[:12], "licence": record.licence, "truncation": options.truncation,
            "centre": options.centre, "noise": options.noise}  # fmt: skip


def run_generate(options) -> int:
    from generative.core.networks.weights import load_generator
    from generative.core.sets.imageset import SetPlan
    from generative.core.sets.strips import Figure

    generator, record = load_generator(options.weights)
    names = options.classes or record.shape.classes
    for name in names:
        record.shape.class_index(name)
    pairs = [(seed, {name: 1.0}) for seed in options.seeds for name in names] or [(s, {}) for s in options.seeds]
    plan = SetPlan("sample", tuple(s for s, _ in pairs), tuple(label for _, label in pairs), options.truncation,
                   options.centre, options.noise)  # fmt: skip
    caption = f"One row per seed, from {options.seeds[0]} to {options.seeds[-1]}"
    figure = Figure(caption, Path("grid.png"), max(len(names), 1), tuple(names))
    page = _page("Generated pictures", _facts(options, record), [figure])
    return _write(options, plan, generator, record, {"grid.png": _sheet(max(len(names), 1)), "index.html": page})


def run_morph(options) -> int:
    from generative.core.judging.features import open_features
    from generative.core.networks.weights import load_generator
    from generative.core.sets import latents
    from generative.core.sets.imageset import SetPlan
    from generative.core.sets.strips import Figure, save_animation

    generator, record = load_generator(options.weights)
    shape, seed = record.shape, options.seeds[0]
    if options.start == options.end:
        raise InputError(f"A morph needs two different classes; found {options.start!r} twice.")
    latents.label_path(shape, options.start, options.end, [0.0])
    features = open_features(options.features) if options.spacing == "perceptual" else None

    def path(positions: list[float]) -> np.ndarray:
        z = latents.draw_z([seed], shape.z_dim).expand(len(positions), -1)
        c = latents.label_path(shape, options.start, options.end, positions)
        ws = latents.styles(generator, z, c, truncation=options.truncation, centre=options.centre)
        images = latents.pictures(generator, ws, noise=options.noise, seeds=[seed] * len(positions))
        return features(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))

    positions = latents.morph_positions(options.steps, options.spacing, path)
    plan = SetPlan("morph", options.seeds, ({options.start: 1.0}, {options.end: 1.0}), options.truncation,
                   options.centre, options.noise, tuple(positions), options.spacing)  # fmt: skip
    extra = {"strip.png": _sheet(options.steps)}
    heads = tuple(f"{100 * place:.0f} % {options.end}" for place in positions)
    caption = f"{options.start} to {options.end}, one row per seed ({', '.join(map(str, options.seeds))})"
    figures = [Figure(caption, Path("strip.png"), options.steps, heads)]
    for i, number in enumerate(options.seeds[:20]):

        def animate(path, pictures, first=i * options.steps):
            save_animation(np.stack([p.image for p in pictures[first : first + options.steps]]), path)

        extra[f"morph-{number}.webp"] = animate
        figures.append(Figure(f"seed {number}", Path(f"morph-{number}.webp")))
    facts = {
        **_facts(options, record),
        "spacing": options.spacing,
        "positions": " ".join(f"{p:.3f}" for p in positions),
    }
    extra["index.html"] = _page(f"Morph from {options.start} to {options.end}", facts, figures)
    return _write(options, plan, generator, record, extra)


def run_mix(options) -> int:
    from generative.core.networks.weights import load_generator
    from generative.core.sets import latents
    from generative.core.sets.imageset import SetPlan
    from generative.core.sets.strips import Figure

    generator, record = load_generator(options.weights)
    shape = record.shape
    for name in (options.row_class, options.column_class):
        shape.class_index(name)
    cut = shape.num_ws // 2 if options.cut is None else options.cut
    if options.coarse_to is not None:
        cut = latents.cut_layer(shape, options.coarse_to)
    plan = SetPlan("mix", options.rows, ({options.row_class: 1.0}, {options.column_class: 1.0}), options.truncation,
                   options.centre, options.noise, column_seeds=options.columns, cut=cut)  # fmt: skip
    extra = {"grid.png": _mix_sheet(plan)}
    facts = {**_facts(options, record), "layers from the column": f"{cut} of {shape.num_ws}"}
    caption = f"Colour from the row ({options.row_class}), shape from the column ({options.column_class}), by their seeds"
    heads = ("", *(str(seed) for seed in options.columns))
    figures = [Figure(caption, Path("grid.png"), len(heads), heads)]
    if len(options.rows) > 1:
        extra["mix.webp"] = _mix_rows(plan)
        figures.append(Figure("The rows one after another: colours change, the shapes of a column stay", Path("mix.webp"), len(heads), heads))
    extra["index.html"] = _page("Style mix", facts, figures)
    return _write(options, plan, generator, record, extra)


def _mix_sheet(plan):
    """The mixes with the unmixed rows at the left and columns above."""
    from generative.core.sets.strips import mix_sheet, save_png

    def write(path: Path, pictures) -> None:
        images = np.stack([p.image for p in pictures])
        save_png(mix_sheet(images, rows=len(plan.seeds), columns=len(plan.column_seeds)), path)

    return write


def _mix_rows(plan):
    """The same grid in time: a frame for each row, its own picture before its mixes."""
    from generative.core.sets.strips import save_animation, tile

    rows, columns = len(plan.seeds), len(plan.column_seeds)

    def write(path: Path, pictures) -> None:
        images = np.stack([p.image for p in pictures])
        heads, mixed = images[:rows], images[rows + columns :].reshape(rows, columns, *images.shape[1:])
        lines = [tile(np.concatenate([heads[row : row + 1], mixed[row]]), columns + 1) for row in range(rows)]
        save_animation(np.stack(lines), path, seconds=rows)

    return write


def run_project(options) -> int:
    from generative.core.data import load_picture
    from generative.core.networks.weights import load_generator
    from generative.core.sets import latents
    from generative.core.sets.imageset import Picture, projected_picture, write_set
    from generative.core.sets.projection import project
    from generative.core.sets.strips import Figure

    generator, record = load_generator(options.weights)
    shape = record.shape
    if shape.classes and options.class_name is None:
        raise InputError(f"--class is needed; the classes are {', '.join(shape.classes)}.")
    if options.steps < 1:
        raise InputError(f"--steps must be 1 or more; found {options.steps}.")
    try:
        image = load_picture(options.picture, shape.resolution)
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{options.picture} cannot be read as a picture: {error}.") from error
    parts = {options.class_name: 1.0} if shape.classes else {}
    found = project(generator, image, latents.label_vector(shape, parts), steps=options.steps, seed=options.seed)
    plan = {"of": options.name or options.picture.name, "steps": options.steps, "seed": options.seed, "label": parts,
            "distance": found.distance, "start_distance": found.start, "curve": [round(d, 6) for d in found.curve],
            "w": found.w.tolist()}  # fmt: skip
    made = projected_picture(generator, plan)
    pair = [Picture(image.transpose(1, 2, 0), {}, ""), made]
    facts = {"weights": record.content_hash[:12], "licence": record.licence, "steps": options.steps,
             "distance": f"{found.start:.4f} at the class's mean, {found.distance:.4f} at the end"}  # fmt: skip
    figure = Figure(options.picture.name, Path("pair.png"), 2, ("the picture", "the network's nearest"))
    nature = "The left picture is the one that was given and may show a person; only the right one is generated. Do not publish this page."
    page = _page("Projection", facts, [figure], nature)
    files = {"pair.png": lambda path: _sheet(2)(path, pair), "index.html": lambda path: page(path, pair)}
    write_set(options.out, [made], plan, record, kind="projection", extra_files=files)
    _say(f"Projected {options.picture.name}: distance {found.start:.4f} to {found.distance:.4f}; {options.out}.")
    return 0


def run_regenerate(options) -> int:
    from generative.core.networks.weights import load_generator
    from generative.core.sets.imageset import regenerate
    from generative.core.sets.setfiles import opened_set

    generator, record = load_generator(options.weights)
    with opened_set(options.set) as folder:
        differing = regenerate(folder, generator, record)
    if differing:
        _say(f"{len(differing)} pictures differ: {', '.join(differing[:5])}.")
        return 1
    _say("Every picture was made again byte for byte.")
    return 0


# --- evaluate, audit

LEAST_REAL = 5


class _Stages:
    """What a search does now, as bars on a terminal and in a small file beside its results, for a page to read."""

    def __init__(self, path: Path):
        self.path, self.what, self.bar = path, None, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.path.unlink(missing_ok=True)
        if self.bar is not None:
            self.bar.close()

    def __call__(self, what: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if self.what != what:
            if self.bar is not None:
                self.bar.close()
            self.what, self.bar = what, tqdm(total=total, desc=what, disable=not sys.stderr.isatty())
        self.bar.update(done - self.bar.n)
        _save_json(self.path, {"what": what, "done": done, "total": total})


def _judged(options, folder):
    """(set, train, held-out, features) at one resolution."""
    from generative.core.data import read_manifest
    from generative.core.judging.evaluate import load_set
    from generative.core.judging.features import open_features

    real = read_manifest(options.manifest, resolution=options.resolution, view=options.view, fit=options.fit)
    loaded = load_set(folder, options.resolution)
    train, held_out = real.split("train"), real.split("test")
    if len(train) < LEAST_REAL:
        of = f" of the view {options.view}" if options.view else ""
        raise InputError(
            f"Judging needs {LEAST_REAL} training pictures{of} or more to compare with; {options.manifest} has {len(train)} "
            f"(and {len(held_out)} with split = test, which are held out). Give the manifest that the generator was trained on."
        )
    return loaded, train, held_out, open_features(options.features)


def _save_json(path: Path, content: dict) -> None:
    from generative.core.networks.weights import atomic_file

    with atomic_file(path) as work:
        work.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def run_evaluate(options) -> int:
    from generative.core.judging.evaluate import evaluate
    from generative.core.sets.setfiles import opened_set

    with opened_set(options.set) as folder:
        loaded, train, held_out, features = _judged(options, folder)
        report = evaluate(loaded, train, held_out, features, seed=options.seed)
    _save_json(options.out, report)
    kid, best = report["kid"], report["kid_baselines"]["split_half"]
    shown = {name: "not estimable" if e["value"] is None else f"{e['value']:.5f} [{e['low']:.5f}, {e['high']:.5f}]"
             for name, e in (("set", kid), ("halves", best))}  # fmt: skip
    _say(f"KID {shown['set']}, real halves {shown['halves']}, features {report['features']}; {options.out}.")
    return 0


def run_audit(options) -> int:
    from generative.core.judging import privacy
    from generative.core.networks.weights import load_generator
    from generative.core.sets.setfiles import opened_set, read_or_describe

    with opened_set(options.set) as folder:
        frozen = read_or_describe(folder)["set_hash"]
        loaded, train, held_out, features = _judged(options, folder)
        items, images = list(loaded.table.items), loaded.table.images
    options.out.mkdir(parents=True, exist_ok=True)
    with _Stages(options.out / "progress.json") as tell:
        report = privacy.audit(items, images, train, held_out, features, seed=options.seed, cache=options.cache, tell=tell)
    content = {**report.to_json(), "set_hash": frozen}
    if options.probe:
        if options.weights is None:
            raise InputError("--probe needs --weights, the network that made the set.")
        generator, _ = load_generator(options.weights)
        probe = privacy.membership_probe(generator, train, held_out, count=options.probe, seed=options.seed)
        content["membership"] = dataclasses.asdict(probe)
    privacy.save_quarantine(options.out / "curators-only", report, items, images, train)
    _save_json(options.out / "audit.json", content)
    count = f"{len(report.quarantined)} of {len(items)} pictures are suspected copies"
    _say(f"{count} (calibrated on {report.calibration}); {options.out}.")
    return 1 if report.quarantined else 0


COMMANDS = {
    "import": run_import,
    "render": run_render,
    "train": run_train,
    "generate": run_generate,
    "morph": run_morph,
    "mix": run_mix,
    "project": run_project,
    "regenerate": run_regenerate,
    "evaluate": run_evaluate,
    "audit": run_audit,
}
