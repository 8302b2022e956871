"""generate, morph, mix: weights into an image set, with the sheet, animations and page that show it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from generative.core.commands.telling import Stages, suggest
from generative.core.device import device_in_words
from generative.core.errors import InputError


def _write(options, plan, generator, record, extra: dict | None = None) -> int:
    from generative.core.sets.imageset import make_pictures, write_set

    with Stages(options.progress) as tell:
        pictures = make_pictures(generator, plan, tell)
    files = {name: (lambda path, made=maker: made(path, pictures)) for name, maker in (extra or {}).items()}
    content = write_set(options.out, pictures, plan.to_json(), record, kind=plan.kind, extra_files=files,
                        made_on=device_in_words(options.device))  # fmt: skip
    print(f"Wrote {len(pictures)} pictures to {options.out}; set {content['set_hash'][:12]}.")
    suggest("evaluate", options.out, "--manifest", "MANIFEST", "--out", "evaluation.json")
    return 0


def page_of(title: str, facts: dict, figures: list, nature: str | None = None):
    """figures: `Figure`s whose files lie beside the page."""
    from generative.core.sets.strips import GENERATED, save_page

    def save(path: Path, _) -> None:
        beside = [dataclasses.replace(figure, file=path.parent / figure.file) for figure in figures]
        save_page(path, title=title, facts=facts, figures=beside, nature=nature or GENERATED)

    return save


def sheet_of(columns: int):
    from generative.core.sets.strips import save_grid

    return lambda path, pictures: save_grid(np.stack([p.image for p in pictures]), path, columns=columns)


def _facts(options, record) -> dict:
    cutoff = _look(options, record.shape)["cutoff"]
    layers = {} if cutoff is None else {"layers truncated": f"{cutoff} of {record.shape.num_ws}"}
    return {"weights": record.content_hash[:12], "licence": record.licence, "truncation": options.truncation, **layers,
            "centre": options.centre, "noise": options.noise}  # fmt: skip


def _look(options, shape) -> dict:
    """What decides the look of every picture of a plan, whatever its kind."""
    from generative.core.sets.latents import cut_layer

    cutoff = options.truncation_layers if options.truncation_to is None else cut_layer(shape, options.truncation_to)
    return {"truncation": options.truncation, "centre": options.centre, "noise": options.noise, "cutoff": cutoff}


def run_generate(options) -> int:
    from generative.core.networks.weights import load_generator
    from generative.core.sets.imageset import SetPlan
    from generative.core.sets.strips import Figure

    generator, record = load_generator(options.weights, device=options.device)
    names = options.classes or record.shape.classes
    for name in names:
        record.shape.class_index(name)
    pairs = [(seed, {name: 1.0}) for seed in options.seeds for name in names] or [(s, {}) for s in options.seeds]
    plan = SetPlan("sample", tuple(s for s, _ in pairs), tuple(label for _, label in pairs), **_look(options, record.shape))
    caption = f"One row per seed, from {options.seeds[0]} to {options.seeds[-1]}"
    figure = Figure(caption, Path("grid.png"), max(len(names), 1), tuple(names))
    page = page_of("Generated pictures", _facts(options, record), [figure])
    return _write(options, plan, generator, record, {"grid.png": sheet_of(max(len(names), 1)), "index.html": page})


def run_morph(options) -> int:
    from generative.core.judging.features import open_features
    from generative.core.networks.weights import load_generator
    from generative.core.sets import latents
    from generative.core.sets.imageset import SetPlan
    from generative.core.sets.strips import Figure, save_animation

    generator, record = load_generator(options.weights, device=options.device)
    shape, seed = record.shape, options.seeds[0]
    if options.start == options.end:
        raise InputError(f"A morph needs two different classes; found {options.start!r} twice.")
    latents.label_path(shape, options.start, options.end, [0.0])
    look = _look(options, shape)
    features = open_features(options.features, options.device) if options.spacing == "perceptual" else None

    def path(positions: list[float]) -> np.ndarray:
        z = latents.draw_z([seed], shape.z_dim).expand(len(positions), -1)
        c = latents.label_path(shape, options.start, options.end, positions)
        ws = latents.styles(generator, z, c, truncation=look["truncation"], centre=look["centre"], cutoff=look["cutoff"])
        images = latents.pictures(generator, ws, noise=options.noise, seeds=[seed] * len(positions))
        return features(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))

    positions = latents.morph_positions(options.steps, options.spacing, path)
    plan = SetPlan("morph", options.seeds, ({options.start: 1.0}, {options.end: 1.0}), **look,
                   positions=tuple(positions), spacing=options.spacing)  # fmt: skip
    extra = {"strip.png": sheet_of(options.steps)}
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
    extra["index.html"] = page_of(f"Morph from {options.start} to {options.end}", facts, figures)
    return _write(options, plan, generator, record, extra)


def run_mix(options) -> int:
    from generative.core.networks.weights import load_generator
    from generative.core.sets import latents
    from generative.core.sets.imageset import SetPlan
    from generative.core.sets.strips import Figure

    generator, record = load_generator(options.weights, device=options.device)
    shape = record.shape
    for name in (options.row_class, options.column_class):
        shape.class_index(name)
    cut = shape.num_ws // 2 if options.cut is None else options.cut
    if options.coarse_to is not None:
        cut = latents.cut_layer(shape, options.coarse_to)
    plan = SetPlan("mix", options.rows, ({options.row_class: 1.0}, {options.column_class: 1.0}), **_look(options, shape),
                   column_seeds=options.columns, cut=cut)  # fmt: skip
    extra = {"grid.png": _mix_sheet(plan)}
    facts = {**_facts(options, record), "layers from the column": f"{cut} of {shape.num_ws}"}
    caption = f"Colour from the row ({options.row_class}), shape from the column ({options.column_class}), by their seeds"
    heads = ("", *(str(seed) for seed in options.columns))
    figures = [Figure(caption, Path("grid.png"), len(heads), heads)]
    if len(options.rows) > 1:
        extra["mix.webp"] = _mix_rows(plan)
        figures.append(Figure("The rows one after another: colours change, the shapes of a column stay", Path("mix.webp"), len(heads), heads))
    extra["index.html"] = page_of("Style mix", facts, figures)
    return _write(options, plan, generator, record, extra)


def _mix_sheet(plan):
    """The mixes with the unmixed rows at the left and columns above."""
    from generative.core.sets.strips import mix_sheet, save_png

    def save(path: Path, pictures) -> None:
        images = np.stack([p.image for p in pictures])
        save_png(mix_sheet(images, rows=len(plan.seeds), columns=len(plan.column_seeds)), path)

    return save


def _mix_rows(plan):
    """The same grid in time: a frame for each row, its own picture before its mixes."""
    from generative.core.sets.strips import save_animation, tile

    rows, columns = len(plan.seeds), len(plan.column_seeds)

    def save(path: Path, pictures) -> None:
        images = np.stack([p.image for p in pictures])
        heads, mixed = images[:rows], images[rows + columns :].reshape(rows, columns, *images.shape[1:])
        lines = [tile(np.concatenate([heads[row : row + 1], mixed[row]]), columns + 1) for row in range(rows)]
        save_animation(np.stack(lines), path, seconds=rows)

    return save
