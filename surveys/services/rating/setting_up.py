"""Set up a rating study from images of the bank: stimuli, their shares among raters, surveys and seats.

Anything can be rated that stands in the image bank. Whoever publishes pictures describes what is to be shown with
`single`, `pair`, `strip` and `grid`, and hands the list to `create_rating_study`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.models import DiagnosisClass, ItemImage, Study
from surveys.models import Block, Stimulus, StimulusFrame, StudyProtocol, Survey, SurveyItem, SurveySet

from ..recruiting.seats import create_seats
from ..setting_up.design import design_sha256
from ..setting_up.protocol import load_protocol, names_of_classes, read_preset

REAL, GENERATED = StimulusFrame.Origin.REAL, StimulusFrame.Origin.GENERATED
FRAMES = {"single": (1, 1), "pair": (2, 2), "strip": (3, 12), "grid": (2, 64)}
LARGEST_SIDE_PX = 1024


class Frame(NamedTuple):
    """One image of a stimulus, "real" or "generated"; box: left, top, right, bottom of the part that is shown."""

    image: ItemImage
    origin: str
    box: tuple[int, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        left, top, right, bottom = self.box or (0, 0, self.image.width, self.image.height)
        return right - left, bottom - top


@dataclass(frozen=True)
class StimulusSpec:
    """One thing to be shown. frames: row by row; label: code of the stated class.

    condition: what the analysis compares, e.g. "random sample", "curated", "morph", "cross-fade". role: "rated", "catch"
    (its answer is obvious) or "practice". columns: of a grid. tone: skin tone of a single image, where it is known.
    """

    code: str
    kind: str
    frames: tuple[Frame, ...]
    condition: str = ""
    label: str = ""
    role: str = Stimulus.Role.RATED
    columns: int = 1
    tone: str = ""

    @property
    def dealt_as(self) -> str:
        """Origin and condition: what every rater sees equally much of, besides the finer strata."""
        origins = "+".join(sorted({str(frame.origin) for frame in self.frames}))
        return " / ".join(part for part in (origins, self.condition) if part)

    @property
    def stratum(self) -> str:
        return " / ".join(part for part in (self.dealt_as, self.label) if part)


def single(image: ItemImage, origin: str, *, code: str = "", **values) -> StimulusSpec:
    """One image; origin: "real" or "generated"."""
    return StimulusSpec(code=code or image.item.code, kind="single", frames=(Frame(image, origin),), **values)


def pair(real: ItemImage, generated: ItemImage, *, code: str = "", **values) -> StimulusSpec:
    """A real and a generated image side by side; which one stands left is drawn."""
    code = code or f"{real.item.code}|{generated.item.code}"
    return StimulusSpec(code=code, kind="pair", frames=(Frame(real, REAL), Frame(generated, GENERATED)), **values)


def strip(code: str, images: Sequence[ItemImage], *, origin: str = GENERATED, **values) -> StimulusSpec:
    """Frames from the first to the last stage; half of the raters see them from the last to the first."""
    return StimulusSpec(code=code, kind="strip", frames=tuple(Frame(image, origin) for image in images), **values)


def grid(code: str, images: Sequence[ItemImage], *, columns: int, origin: str = GENERATED, **values) -> StimulusSpec:
    """Images row by row."""
    frames = tuple(Frame(image, origin) for image in images)
    return StimulusSpec(code=code, kind="grid", frames=frames, columns=columns, **values)


def sheet(image: ItemImage, *, rows: int, columns: int, tile_px: int, code: str = "", **values) -> StimulusSpec:
    """A grid cut out of one picture of it, whose first row and column hold the sources and are not shown."""
    places = [(row, column) for row in range(1, rows + 1) for column in range(1, columns + 1)]
    boxes = [(column * tile_px, row * tile_px, (column + 1) * tile_px, (row + 1) * tile_px) for row, column in places]
    frames = tuple(Frame(image, GENERATED, box) for box in boxes)
    return StimulusSpec(code=code or image.item.code, kind="grid", frames=frames, columns=columns, **values)


def shuffled(spec: StimulusSpec, *, seed: int) -> StimulusSpec:
    """A control for a strip: the same frames in an order that is neither the strip's nor its reverse."""
    from surveys.core.draw import Draw

    if spec.kind != "strip" or len({frame.image.pk for frame in spec.frames}) < 3:
        raise ValidationError(f"{spec.code}: only a strip of three different frames or more can be shuffled.")
    draw, order = Draw(seed, "shuffled", spec.code), list(spec.frames)
    while order in (list(spec.frames), list(spec.frames)[::-1]):
        draw.shuffle(order)
    return replace(spec, code=f"{spec.code}-shuffled", frames=tuple(order), condition="shuffled")


def create_rating_study(
    *, study: Study, preset: str | Path, stimuli: Sequence[StimulusSpec], raters: int, seed: int
) -> SurveySet:
    """Make `study` a rating study of `stimuli`: protocol, sittings drawn from `seed`, certificate, and every seat.

    study: without surveys of its own; the images may be another study's, and its classes are copied from theirs when it has
    none, under the names that the preset gives them. preset: e.g. fixtures/realism/study.toml. raters: sittings per group of
    raters. The same call again returns the stored surveys. Stimuli that do not fit, too few raters, or another draw raise
    ValidationError; then nothing is stored.
    """
    _check(stimuli)
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        existing = study.survey_sets.first()
        if existing:
            asked = read_preset(Path(preset))["study"].get("language", "en")
            return _same_or_refuse(existing, stimuli, raters, seed, asked)
        _copy_classes(study, stimuli, names_of_classes(preset))
        kinds = {spec.kind for spec in stimuli}
        protocol = load_protocol(study=study, path=preset, blocks=kinds)
        missing = kinds - set(protocol.stimuli)
        if missing:
            raise ValidationError(f"The preset has no table stimuli.{sorted(missing)[0]}, but there are such stimuli.")
        if not protocol.consent_text:
            raise ValidationError(f"{study.slug} needs a consent text before surveys are drawn; add it to the preset.")
        _match_sizes(protocol, stimuli)
        rows = _store_stimuli(study, stimuli)
        document = _draw(protocol, stimuli, raters, seed)
        survey_set = store_rating_surveys(study, seed, document, rows)
        for group in study.reader_groups.filter(kind="human"):
            create_seats(group=group)
        return survey_set


def _check(stimuli: Sequence[StimulusSpec]) -> None:
    faults = []
    for spec in stimuli:
        least, most = FRAMES.get(spec.kind, (0, 0))
        if not least <= len(spec.frames) <= most or not most:
            faults.append(f"{spec.code}: a {spec.kind} has {least} to {most} frames; found {len(spec.frames)}.")
        if any(frame.origin not in StimulusFrame.Origin.values for frame in spec.frames):
            faults.append(f"{spec.code}: every frame is real or generated.")
        if spec.role not in Stimulus.Role.values:
            faults.append(f"{spec.code}: role is one of {', '.join(Stimulus.Role.values)}; found {spec.role!r}.")
        if spec.kind == "grid" and (spec.columns < 1 or len(spec.frames) % spec.columns):
            faults.append(f"{spec.code}: {len(spec.frames)} images do not fill rows of {spec.columns}.")
        if any(not _inside(frame) for frame in spec.frames):
            faults.append(f"{spec.code}: a part of a picture is asked for that lies outside of it; check rows and columns.")
        excluded = sorted({frame.image.item.code for frame in spec.frames if frame.image.item.excluded_at})
        if excluded:
            faults.append(f"{spec.code}: {', '.join(excluded)} is excluded from the bank and cannot be shown.")
    twice = sorted(code for code, times in Counter(spec.code for spec in stimuli).items() if times > 1)
    faults += [f"Two stimuli have the code {code}." for code in twice]
    if not any(spec.role == Stimulus.Role.RATED for spec in stimuli):
        faults.append("A rating study needs stimuli to rate; found none.")
    if faults:
        raise ValidationError(faults)


def _inside(frame: Frame) -> bool:
    left, top, right, bottom = frame.box or (0, 0, frame.image.width, frame.image.height)
    return 0 <= left < right <= frame.image.width and 0 <= top < bottom <= frame.image.height


def _same_or_refuse(existing: SurveySet, stimuli: Sequence[StimulusSpec], raters: int, seed: int, language: str) -> SurveySet:
    stored = set(existing.study.stimuli.values_list("code", flat=True))
    if existing.seed != seed or existing.surveys.count() != raters or stored != {spec.code for spec in stimuli}:
        raise ValidationError(
            f"{existing.study.slug} already has surveys: {existing.surveys.count()} drawn with seed {existing.seed} over "
            f"{len(stored)} stimuli; they are drawn once. Start a new study for another draw."
        )
    if existing.study.protocol.language != language:
        raise ValidationError(
            f"{existing.study.slug} asks its raters in the language {existing.study.protocol.language}, not {language}. Start a new "
            "study for another language, or change the words on its set-up page before the first answer."
        )
    return existing


def _copy_classes(study: Study, stimuli: Sequence[StimulusSpec], name_of: Callable[[DiagnosisClass], str]) -> None:
    """Give a study without classes those of its images' study, in their order."""
    if study.classes.exists():
        return
    sources = {frame.image.item.study_id for spec in stimuli for frame in spec.frames}
    lists: dict[tuple, list[DiagnosisClass]] = {}
    for source in Study.objects.filter(pk__in=sources, classes__isnull=False).distinct():
        rows = list(source.classes.order_by("position"))
        lists[tuple((row.code, row.name) for row in rows)] = rows
    if len(lists) > 1:
        raise ValidationError(
            f"The images come from studies with {len(lists)} different lists of classes; give {study.slug} its own first."
        )
    DiagnosisClass.objects.bulk_create(
        DiagnosisClass(study=study, code=row.code, name=name_of(row), description=row.description, position=row.position)
        for rows in lists.values()
        for row in rows
    )


def _match_sizes(protocol: StudyProtocol, stimuli: Sequence[StimulusSpec]) -> None:
    """Fix the size at which every frame of a kind is shown, so that size and sharpness tell nothing."""
    for kind, shown in protocol.stimuli.items():
        rated = [spec for spec in stimuli if spec.kind == kind and spec.role != Stimulus.Role.PRACTICE]
        sizes = {frame.size for spec in rated for frame in spec.frames}
        if len(sizes) == 1:
            ((width, height),) = sizes
        else:
            width = height = min(min(size) for size in sizes)
        shrink = min(1, LARGEST_SIDE_PX / max(width, height))
        shown |= {"width": round(width * shrink), "height": round(height * shrink)}
    protocol.save(update_fields=["stimuli"])


def _store_stimuli(study: Study, stimuli: Sequence[StimulusSpec]) -> dict[str, Stimulus]:
    classes = {row.code: row for row in study.classes.all()}
    unknown = sorted({spec.label for spec in stimuli if spec.label} - set(classes))
    if unknown:
        raise ValidationError(
            f"{study.slug} has no class {', '.join(unknown)}; it has {', '.join(classes) or 'none'}. Correct the labels."
        )
    rows = Stimulus.objects.bulk_create(
        Stimulus(
            study=study,
            item=spec.frames[-1].image.item,
            code=spec.code,
            kind=spec.kind,
            role=spec.role,
            condition=spec.condition,
            label=classes.get(spec.label),
            columns=spec.columns if spec.kind == "grid" else len(spec.frames),
        )
        for spec in stimuli
    )
    StimulusFrame.objects.bulk_create(
        StimulusFrame(
            stimulus=row, position=position, image=frame.image, origin=frame.origin, box=list(frame.box)
        )  # fmt: skip
        for row, spec in zip(rows, stimuli, strict=True)
        for position, frame in enumerate(spec.frames, start=1)
    )
    return {row.code: row for row in rows}


def _draw(protocol: StudyProtocol, stimuli: Sequence[StimulusSpec], raters: int, seed: int) -> dict:
    from surveys.core import DesignError, RatingPart, draw_rating_design

    parts = []
    for kind, shown in protocol.stimuli.items():
        own = [spec for spec in stimuli if spec.kind == kind and spec.role != Stimulus.Role.PRACTICE]
        catches = sorted(spec.code for spec in own if spec.role == Stimulus.Role.CATCH)
        parts.append(
            RatingPart(
                kind=kind,
                stimuli={spec.code: spec.stratum for spec in own if spec.role == Stimulus.Role.RATED},
                groups={spec.stratum: spec.dealt_as for spec in own},
                frames={spec.code: len(spec.frames) for spec in own},
                catches=catches,
                per_rater_max=shown.get("per_rater_max", 60),
                min_raters=shown.get("min_raters", 6),
                repeats=shown.get("repeats", 0.05),
                catches_per_rater=min(shown.get("catches_per_rater", 2), len(catches)),
            )
        )
    try:
        frozen = [_frozen(spec) for spec in sorted(stimuli, key=lambda spec: spec.code)]
        return draw_rating_design(parts, raters=raters, seed=seed, stimuli=frozen)
    except DesignError as error:
        raise ValidationError(str(error)) from error


def _frozen(spec: StimulusSpec) -> dict:
    """A stimulus as it is written into the design: with the hash of every frame's pixels."""
    return {
        "stimulus": spec.code,
        "kind": spec.kind,
        "role": spec.role,
        "condition": spec.condition,
        "label": spec.label,
        "tone": spec.tone,
        "frames": [
            {
                "item": frame.image.item.code,
                "view": frame.image.view,
                "origin": str(frame.origin),
                "pixel_sha256": frame.image.pixel_sha256,
                "box": list(frame.box),
            }
            for frame in spec.frames
        ],
    }


def store_rating_surveys(study: Study, seed: int, document: dict, stimuli: dict[str, Stimulus]) -> SurveySet:
    """Store a drawn rating design; stimuli: those that it names, by code."""
    survey_set = SurveySet.objects.create(
        study=study,
        seed=seed,
        design=document,
        certificate=document["certificate"],
        design_sha256=design_sha256(document),
    )
    for drawn in document["surveys"]:
        survey = Survey.objects.create(
            survey_set=survey_set, number=drawn["survey"], code=f"S{drawn['survey']:02d}", set_label="1"
        )
        for position, drawn_block in enumerate(drawn["blocks"], start=1):
            block = Block.objects.create(survey=survey, view=drawn_block["view"], position=position)
            _store_pages(block, drawn_block["pages"], stimuli)
    return survey_set


def _store_pages(block: Block, pages: Sequence[dict], stimuli: dict[str, Stimulus]) -> None:
    """The block's pages in order; a repeat knows the page where its stimulus stood first."""
    numbered = list(enumerate(pages, start=1))
    first: dict[str, SurveyItem] = {}
    for repeats in (False, True):
        rows = []
        for position, page in numbered:
            if (page["kind"] == "repeat") != repeats:
                continue
            stimulus = stimuli[page["stimulus"]]
            rows.append(
                SurveyItem(
                    block=block,
                    item_id=stimulus.item_id,
                    stimulus=stimulus,
                    position=position,
                    order=page["order"],
                    repeat_of=first[page["stimulus"]] if repeats else None,
                )
            )
        stored = SurveyItem.objects.bulk_create(rows, batch_size=500)
        first |= {row.stimulus.code: row for row in stored}
