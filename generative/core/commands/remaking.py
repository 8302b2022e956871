"""project, regenerate: a given picture found again in a network; a set made again and compared."""

from __future__ import annotations

from pathlib import Path

from generative.core.commands.making import page_of, sheet_of
from generative.core.commands.telling import Stages
from generative.core.device import device_in_words
from generative.core.errors import InputError, plain


def run_project(options) -> int:
    from generative.core.data import load_picture
    from generative.core.networks.weights import load_generator
    from generative.core.sets import latents
    from generative.core.sets.imageset import Picture, projected_picture, write_set
    from generative.core.sets.projection import project
    from generative.core.sets.strips import Figure

    generator, record = load_generator(options.weights, device=options.device)
    shape = record.shape
    if shape.classes and options.class_name is None:
        raise InputError(f"--class is needed; the classes are {', '.join(shape.classes)}.")
    if options.steps < 1:
        raise InputError(f"--steps must be 1 or more; found {options.steps}.")
    try:
        image = load_picture(options.picture, shape.resolution)
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{options.picture} cannot be read as a picture: {getattr(error, 'strerror', None) or error}.") from error
    parts = {options.class_name: 1.0} if shape.classes else {}
    label = latents.label_vector(shape, parts)
    with Stages(options.progress) as tell:
        found = project(generator, image, label, steps=options.steps, seed=options.seed, tell=tell)
    plan = {"of": options.name or options.picture.name, "steps": options.steps, "seed": options.seed, "label": parts,
            "distance": found.distance, "start_distance": found.start, "curve": [round(d, 6) for d in found.curve],
            "w": found.w.tolist()}  # fmt: skip
    made = projected_picture(generator, plan)
    pair = [Picture(image.transpose(1, 2, 0), {}, ""), made]
    facts = {"weights": record.content_hash[:12], "licence": record.licence, "steps": options.steps,
             "distance": f"{found.start:.4f} at the class's mean, {found.distance:.4f} at the end"}  # fmt: skip
    figure = Figure(options.picture.name, Path("pair.png"), 2, ("the picture", "the network's nearest"))
    nature = "The left picture is the one that was given and may show a person; only the right one is generated. Do not publish this page."
    page = page_of("Projection", facts, [figure], nature)
    files = {"pair.png": lambda path: sheet_of(2)(path, pair), "index.html": lambda path: page(path, pair)}
    write_set(options.out, [made], plan, record, kind="projection", extra_files=files, made_on=device_in_words(options.device))
    print(f"Projected {options.picture.name}: distance {found.start:.4f} to {found.distance:.4f}; {options.out}.")
    return 0


def run_regenerate(options) -> int:
    from generative.core.networks.weights import load_generator
    from generative.core.sets.imageset import regenerate
    from generative.core.sets.setfiles import opened_set, read_set

    generator, record = load_generator(options.weights, device=options.device)
    with opened_set(options.set) as folder, Stages() as tell:
        differing = regenerate(folder, generator, record, tell)
        made_on, here = read_set(folder)["generator"].get("device", "cpu"), device_in_words(options.device)
    if differing:
        why = "" if made_on == here else f" The set was made on {made_on}, and this was {here}: their last bits differ, so give --device."
        print(plain(f"{len(differing)} pictures differ: {', '.join(differing[:5])}.{why}"))
        return 1
    print("Every picture was made again byte for byte.")
    return 0
