"""Make image sets with a stored generator."""

from collections.abc import Callable

from django.core.exceptions import ValidationError

from generative.models import Generator, ImageSet
from imagebank.models import ItemImage
from imagebank.services.storing import local_file
from imagebank.services.working import working_folder

from .core import following, generators_folder, run_core
from .pictures import real_pictures
from .sets import MAX_PICTURES, add_set

NOISE = "seed"


def generate_set(*, generator: Generator, classes: list[str], seeds: list[int], **common) -> ImageSet:
    """One picture per seed and class. `common`: title, condition, truncation, truncation_to (only up to this
    resolution, in px), centre, user, watch, progress."""
    _check_size(len(seeds) * max(len(classes), 1))
    chosen = ["--classes", ",".join(classes)] if classes else []
    return _make(generator, "generate", [*chosen, "--seeds", _listed(seeds)], **common)


def morph_set(
    *, generator: Generator, start: str, end: str, seeds: list[int], steps: int, spacing: str = "perceptual",
    features: str = "random", **common,
) -> ImageSet:  # fmt: skip
    """Per seed one strip from class `start` to class `end`, same z and noise. `spacing`: linear or perceptual."""
    _check_size(len(seeds) * steps)
    words = ["--from", start, "--to", end, "--seeds", _listed(seeds), "--steps", steps, "--spacing", spacing]
    return _make(generator, "morph", [*words, "--features", features], **common)


def mix_set(
    *, generator: Generator, row_class: str, column_class: str, rows: list[int], columns: list[int],
    coarse_to: int | None = None, **common,
) -> ImageSet:  # fmt: skip
    """A grid: shape from the column, colour from the row. coarse_to: the column rules up to this resolution."""
    _check_size((len(rows) + 1) * (len(columns) + 1))
    words = ["--rows", _listed(rows), "--columns", _listed(columns), "--row-class", row_class]
    cut = ["--coarse-to", coarse_to] if coarse_to else []
    return _make(generator, "mix", [*words, "--column-class", column_class, *cut], **common)


def project_picture(
    *, generator: Generator, item: str, view: str, label: str = "", steps: int = 300, seed: int = 0, title: str = "",
    user=None, **followed,
) -> ImageSet:  # fmt: skip
    """The network's picture nearest to the study's real picture of `item` in `view`: a set of one, of kind projection.

    label: class name of the network to start from; the item's own class when left out. Like every set it makes again byte
    for byte; unlike the others it is never published, for it is made to resemble one person's picture.
    """
    image = picture_to_project(generator=generator, item=item, view=view)
    chosen = ["--class", label or own_class(generator=generator, image=image)] if generator.classes else []
    words = [str(local_file(image.file)), *chosen, f"--name={image.public_id}", "--steps", steps, "--seed", seed]
    return _frozen(generator, "project", words, title=title or f"Projection of {item}", condition="curated", user=user, **followed)


def picture_to_project(*, generator: Generator, item: str, view: str) -> ItemImage:
    """The real picture of that item code and view, or ValidationError."""
    study = generator.study
    image = real_pictures(study, view).filter(item__code=item.strip()).first()
    if image is None:
        raise ValidationError(
            f'{study.title} has no real picture of an item "{item.strip()}" with a reference class in the view "{view}". '
            "Take the code from the image bank."
        )
    return image


def own_class(*, generator: Generator, image: ItemImage) -> str:
    """The network's name for the picture's reference class; refused when the network never learned that class."""
    truth = image.item.truth.diagnosis
    for name in generator.classes:
        if name.strip().casefold() in (truth.code.casefold(), truth.name.casefold()):
            return name
    raise ValidationError(
        f"{generator.title} does not know {image.item.code}'s class, {truth.name}; choose one of "
        f"{', '.join(generator.classes)} to start from."
    )


def _make(
    generator: Generator, command: str, words: list, *, truncation: float = 1.0, truncation_to: int | None = None,
    centre: str = "global", **common,
) -> ImageSet:  # fmt: skip
    look = ["--truncation", truncation, "--centre", centre, "--noise", NOISE]
    look += ["--truncation-to", truncation_to] if truncation_to else []
    return _frozen(generator, command, [*words, *look], **common)


def _frozen(
    generator: Generator, command: str, words: list, *, title: str = "", condition: str = "random", user=None,
    watch: Callable[[], None] | None = None, progress: Callable[[str, int, int], None] | None = None,
) -> ImageSet:  # fmt: skip
    """Run the core's command into a ZIP and take that in. progress(what, done, total) is called as the pictures are made."""
    if not generator.folder.is_dir():
        raise ValidationError(f"The weights of {generator.title} are missing from the store. Import the network again.")
    with working_folder(generators_folder("work"), "set-") as work:
        out, told = work / "set.zip", work / "progress.json"
        run_core(command, generator.folder, *words, "--out", out, "--progress", told, watch=following(told, watch, progress))
        return add_set(
            study=generator.study, path=out, title=title, condition=condition, generator=generator, user=user
        )


def _check_size(pictures: int) -> None:
    if not 1 <= pictures <= MAX_PICTURES:
        raise ValidationError(f"A set holds 1 to {MAX_PICTURES:,} pictures; this would make {pictures:,}.")


def _listed(seeds: list[int]) -> str:
    if not seeds:
        raise ValidationError("Name at least one seed, such as 0-9.")
    return ",".join(str(seed) for seed in seeds)
