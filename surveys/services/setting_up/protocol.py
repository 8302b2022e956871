"""Set up a study's protocol from a preset file."""

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.models import DiagnosisClass, Study
from imagebank.services.sent_toml import read_sent_toml
from imagebank.services.studies import names_in_languages
from surveys.languages import clean_language
from surveys.models import Answer, ReaderGroup, Stimulus, StudyProtocol
from surveys.questions import ASSISTED, parse_questions

from ..ending.afterwards import clean_afterwards
from ..ending.retention import clean_kept_days, keep_contacts_for
from ..recruiting.letter_words import check_letter
from ..sitting.pictures import clean_pictures
from .default_words import default_texts
from .demographics import check_questions_about_readers

SCHEMA = "study-preset/1"
TEXTS = {
    "landing": "landing_text",
    "consent": "consent_text",
    "instructions": "instructions_text",
    "practice": "practice_text",
    "break_between_blocks": "break_text",
    "thanks": "thanks_text",
    "invitation_subject": "invitation_subject",
    "invitation_body": "invitation_body",
}
ORDERS = {"randomised": "random"}
SHOWN_AND_REPEATED = (
    "Images cannot come a second time where a network's answer is shown, because readers would remember it: show none again, or "
    "leave out the question with the network's answer in sight."
)
DAYS_OF_A_LINK = 60
SHORTEST_EXPOSURE_MS, LONGEST_EXPOSURE_MS = 250, 5000


def load_protocol(*, study: Study, path: str | Path, blocks: Collection[str] | None = None) -> StudyProtocol:
    """Give `study` the question, classes, views, reader groups and texts of the preset at `path`, a study.toml or its folder.

    Again changes nothing. Classes and views are made when the study has none; existing ones must be those of the
    preset. Tables about surveys (reader_groups, survey_set, completion, texts) may be missing for a study whose readings
    are imported. A preset with a table `stimuli` is that of a rating study: its blocks are kinds of stimuli, of which
    `blocks` names those that there are, and the classes stay the study's own. How long names are kept is taken from
    a table `contacts` until somebody has answered; from then on the study's page alone says it. Once an answer has been given the protocol
    is fixed and a different preset raises ValidationError, as does a file that is no preset.
    """
    preset = read_preset(Path(path))
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        if "stimuli" not in preset:
            _ensure_classes(study, preset["classes"])
            _ensure_views(study, preset["views"])
        for position, group in enumerate(preset.get("reader_groups", []), start=1):
            _ensure_group(study, group, position)
        kept_days = clean_kept_days(preset.get("contacts", {}))
        protocol = _save_protocol(study, _protocol_values(preset, blocks), default_texts(preset))
        if kept_days is None or kept_days == protocol.contacts_kept_days or Answer.objects.of_study(study).exists():
            return protocol
        return keep_contacts_for(study=study, days=kept_days)


def read_preset(path: Path) -> dict:
    path = path / "study.toml" if path.is_dir() else path
    try:
        preset = read_sent_toml(path.read_bytes(), name=path.name)
    except OSError as error:
        raise ValidationError(f"{path.name} cannot be read as a study preset: {error}.") from error
    if preset.get("schema") != SCHEMA:
        raise ValidationError(
            f'{path.name} must say schema = "{SCHEMA}"; it says {preset.get("schema")!r}. Use a preset of this version.'
        )
    needed = ("study", "questions") if "stimuli" in preset else ("study", "classes", "views")
    missing = [name for name in needed if name not in preset]
    if missing:
        raise ValidationError(f"{path.name} lacks the tables {', '.join(missing)}; add them.")
    for number, row in enumerate(preset["classes"] if "stimuli" in preset and "classes" in preset else [], start=1):
        if not row.get("name") or bool(row.get("code")) == bool(row.get("original")):
            raise ValidationError(
                f"{path.name}: class {number} of a rating study needs a name and either the code of the class or, as original, "
                f"its name in the study whose images are rated; found {', '.join(sorted(row)) or 'nothing'}."
            )
    for number, group in enumerate(preset.get("reader_groups", []), start=1):
        if absent := [name for name in ("code", "singular", "plural") if not group.get(name)]:
            raise ValidationError(f"{path.name}: reader group {number} lacks {', '.join(absent)}; add it.")
    return preset


def names_of_classes(path: str | Path) -> Callable[[DiagnosisClass], str]:
    """How the rating study of the preset at `path` calls a class of the images' study.

    A row of [[classes]] names the class of its `code`; else counts the name that the images' study itself gives in the preset's
    language; else a row of what the other study calls `original`. The rest keep their names.
    """
    known_name = _known_names(read_preset(Path(path)))
    return lambda known: known_name(known) or known.name


def classes_without_name(*, sources: Collection[Study], path: str | Path) -> list[str]:
    """Names of the classes of `sources` that the rating study of the preset at `path` shows as they are, in another language than its
    own, because nobody has said what they are called in it."""
    preset = read_preset(Path(path))
    language, known_name = preset["study"].get("language", "en"), _known_names(preset)
    foreign = [study for study in sources if language_of(study) != language]
    rows = DiagnosisClass.objects.filter(study__in=foreign).order_by("study", "position")
    return list(dict.fromkeys(row.name for row in rows if not known_name(row)))


def language_of(study: Study) -> str:
    """In which the study's own words are; English where it has no protocol."""
    return StudyProtocol.objects.filter(study=study).values_list("language", flat=True).first() or "en"


def _known_names(preset: dict) -> Callable[[DiagnosisClass], str]:
    rows, language = preset.get("classes", []), preset["study"].get("language", "en")
    by_code = {row["code"]: row["name"] for row in rows if "code" in row}
    by_name = {row["original"]: row["name"] for row in rows if "original" in row}
    return lambda known: by_code.get(known.code) or known.names.get(language) or by_name.get(known.name) or ""


def _ensure_classes(study: Study, classes: list[dict]) -> None:
    present = list(study.classes.order_by("position").values_list("code", flat=True))
    wanted = [row["code"] for row in classes]
    if present and present != wanted:
        raise ValidationError(
            f"The study has the classes {', '.join(present)}; the preset needs {', '.join(wanted)} in this order. "
            "Load the preset into a study of its own."
        )
    for row in classes:  # other studies' words, so that they may change at any time
        if present and "names" in row:
            study.classes.filter(code=row["code"]).update(names=names_in_languages(row))
    if not present:
        DiagnosisClass.objects.bulk_create(
            DiagnosisClass(
                study=study, code=row["code"], name=row["name"], description=row.get("sign", ""), position=position,
                names=names_in_languages(row),
            )  # fmt: skip
            for position, row in enumerate(classes, start=1)
        )


def _ensure_views(study: Study, views: list[dict]) -> None:
    wanted = [{"code": view["code"], "label": view.get("label", view["code"])} for view in views]
    if study.views and study.view_codes() != [view["code"] for view in wanted]:
        raise ValidationError(
            f"The study has the views {', '.join(study.view_codes())}; the preset needs "
            f"{', '.join(view['code'] for view in wanted)}. Load the preset into a study of its own."
        )
    if not study.views:
        study.views = wanted
        study.save(update_fields=["views"])


def _ensure_group(study: Study, group: dict, position: int) -> None:
    values = {
        "singular": group["singular"],
        "plural": group["plural"],
        "kind": group.get("kind", ReaderGroup.Kind.HUMAN),
        "colour_role": group.get("colour_role", ""),
        "position": position,
    }
    prefix = _free_prefix(study, group)
    ReaderGroup.objects.update_or_create(
        study=study, code=group["code"], defaults=values, create_defaults=values | {"prefix": prefix}
    )


def _free_prefix(study: Study, group: dict) -> str:
    """First letter of the last word ("medical geneticist": G), lengthened until no other group has it."""
    word = group.get("prefix") or group["singular"].split()[-1].upper()
    taken = set(study.reader_groups.exclude(code=group["code"]).values_list("prefix", flat=True))
    candidates = [word[:length] for length in range(1, min(len(word), 8) + 1)] + [f"{word[:5]}{n}" for n in range(99)]
    return next(prefix for prefix in candidates if prefix not in taken)


def _protocol_values(preset: dict, blocks: Collection[str] | None) -> dict:
    stimuli = _stimuli(preset.get("stimuli", {}), blocks)
    completion, survey_set = preset.get("completion", {}), preset.get("survey_set", {})
    comparison = completion.get("comparison", ">")
    if comparison not in (">", ">="):
        raise ValidationError(f'completion.comparison must be ">" or ">="; the preset says {comparison!r}.')
    order = survey_set.get("view_order_design", "fixed")
    view_order = list(stimuli) or survey_set.get("block_order", [view["code"] for view in preset["views"]])
    asked = _asked(preset.get("questions", []), view_order) if blocks else preset.get("questions", [])
    questions = [_storable(question) for question in parse_questions(asked, blocks=view_order, stimuli=stimuli)]
    texts = {field: preset.get("texts", {}).get(name, "").strip() for name, field in TEXTS.items()}
    check_letter(subject=texts["invitation_subject"], body=texts["invitation_body"])
    afterwards = clean_afterwards(preset.get("afterwards", {}), questions=questions, rates=bool(stimuli))
    return texts | afterwards | {
        "question": preset["study"].get("question", ""),
        "view_order": view_order,
        "questions": questions,
        "stimuli": stimuli,
        "view_order_design": ORDERS.get(order, order),
        "per_class": survey_set.get("per_class", 1),
        "sets": survey_set.get("sets", 1),
        "repeats": _repeats(survey_set.get("repeats", 0), questions, stimuli),
        **_anchors(survey_set.get("anchors", 0), survey_set.get("per_class", 1), stimuli),
        "completion_threshold": Decimal(str(completion.get("threshold", "0.95"))),
        "strictly_more": comparison == ">",
        "allow_blank": preset["study"].get("allow_blank", True),
        "zoom_allowed": preset["study"].get("zoom", True),
        "language": clean_language(preset["study"].get("language", "en")),
        "pictures": clean_pictures(preset.get("pictures", {})),
        "demographic_questions": check_questions_about_readers(preset.get("demographic_questions", [])),
        "invitation_days": preset.get("invitations", {}).get("days", DAYS_OF_A_LINK),
    }


def _repeats(share, questions: list[dict], stimuli: dict) -> Decimal:
    """Share of a block that comes a second time, as the protocol keeps it."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 0.5:
        raise ValidationError(f"survey_set.repeats must be a share from 0 to 0.5 of a block's images; the preset says {share!r}.")
    if share and stimuli:
        raise ValidationError("A rating study says how much comes again kind by kind: write repeats in the tables stimuli instead.")
    if share and any(question["kind"] == ASSISTED for question in questions):
        raise ValidationError(SHOWN_AND_REPEATED)
    return Decimal(str(share)).quantize(Decimal("0.001"))


def _anchors(said, per_class: int, stimuli: dict) -> dict:
    """How many images of each class every survey shows, or their codes, as the protocol keeps them."""
    codes = said if isinstance(said, list) else []
    counted = isinstance(said, int) and not isinstance(said, bool) and said >= 0
    if not counted and not (codes and all(isinstance(code, str) and code.strip() for code in codes)):
        raise ValidationError(
            "survey_set.anchors must be how many images of each class every survey shows, or a list of their codes; the preset says "
            f"{said!r}."
        )
    if said and stimuli:
        raise ValidationError("Anchors are images of a reading study; a rating study deals its stimuli out. Leave survey_set.anchors out.")
    if counted and said and said >= per_class:
        raise ValidationError(
            f"survey_set.anchors is {said}, of per_class {per_class}: a survey needs one image of each class at least that is no anchor. "
            "Lower anchors, or raise per_class."
        )
    return {"anchors": 0 if codes else said, "anchor_items": codes}


def _stimuli(tables: dict, blocks: Collection[str] | None) -> dict:
    """The kinds of stimuli that are there, in the preset's order, each with how it is shown."""
    unknown = sorted(set(tables) - set(Stimulus.Kind.values))
    if unknown:
        raise ValidationError(
            f"The table stimuli knows {', '.join(Stimulus.Kind.values)}; the preset names {', '.join(unknown)}."
        )
    for kind, table in tables.items():
        exposure = table.get("exposure_ms")
        if exposure is not None and not SHORTEST_EXPOSURE_MS <= exposure <= LONGEST_EXPOSURE_MS:
            raise ValidationError(
                f"stimuli.{kind}.exposure_ms must be from {SHORTEST_EXPOSURE_MS} to {LONGEST_EXPOSURE_MS}; it is {exposure}."
            )
    return {kind: dict(table) for kind, table in tables.items() if blocks is None or kind in blocks}


def _asked(rows: list[dict], present: list[str]) -> list[dict]:
    """The questions that are asked in one of the blocks that are there."""
    narrowed = [row | {"blocks": [block for block in row.get("blocks", present) if block in present]} for row in rows]
    return [row for row in narrowed if row["blocks"]]


def _storable(question) -> dict:
    """A question as JSON keeps it: lists for tuples, and nothing that its kind does not know."""
    row = json.loads(json.dumps(asdict(question)))
    unknown = {"shows", "control"} if question.kind != ASSISTED else set() if question.control else {"control"}
    return {name: value for name, value in row.items() if name not in unknown}


def _save_protocol(study: Study, values: dict, defaults: dict) -> StudyProtocol:
    protocol = StudyProtocol.objects.filter(study=study).first() or StudyProtocol(study=study)
    is_read = Answer.objects.of_study(study).exists()
    for name, words in defaults.items():
        if not values[name] and not (is_read and not getattr(protocol, name)):  # who has read without them goes on so
            values[name] = words
    changed = [name for name, value in values.items() if getattr(protocol, name) != value]
    if not changed and protocol.pk:
        return protocol
    if is_read:
        raise ValidationError(
            f"The protocol of {study.slug} is fixed since the first answer; the preset would change "
            f"{', '.join(sorted(changed))}. Start a new study for a changed protocol."
        )
    for name, value in values.items():
        setattr(protocol, name, value)
    unknown = set(protocol.view_order) - set(study.view_codes()) - set(protocol.stimuli)
    if unknown:
        raise ValidationError(f"The blocks name views that the study does not have: {', '.join(sorted(unknown))}.")
    protocol.full_clean()
    protocol.save()
    if {"pictures", "stimuli"} & set(changed):
        study.served_pictures.all().delete()  # made by the former rules, and seen by nobody who has answered
    return protocol
