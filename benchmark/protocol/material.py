"""The images or stimuli of a study, and the surveys that are drawn from them, for its protocol."""

from collections import Counter

from generative.models import Publication
from imagebank.models import Item, Provenance, Study
from imagebank.services.data_card import card_sections, fingerprint
from surveys.coordination.certificate_pictures import match_tables
from surveys.models import Block, Seat, Stimulus, StudyProtocol, SurveyItem, SurveySet
from surveys.questions import required_counts
from surveys.reading.context import words_for
from surveys.services import assisted_questions, control_shares
from surveys.services.setting_up.demographics import is_analysed, is_only_verified
from surveys.services.sitting.pictures import chain_of

MIXED = "real and generated"
SHORT = 16
NAMES = ("code", "singular", "plural", "kind")  # of a group of readers


def images_of(study: Study) -> dict:
    """The data card of the study's own bank, and the studies whose banks it shows besides."""
    own = study.items.exists()
    others = Study.objects.filter(items__stimuli__study=study).exclude(pk=study.pk).distinct()
    return {
        "sections": [_section(section) for section in card_sections(study)] if own else [],
        "fingerprint": fingerprint(study) if own else "",
        "from": [other.title for other in others.order_by("pk")],
        "split": _split(study),
    }


def _split(study: Study) -> str | None:
    """How training and test were told apart, where it was drawn here; "" where nobody noted it, None where all is for testing."""
    drawn = study.trail.filter(deed__startswith="drew ").first()
    if drawn is not None:
        return f"{drawn.at:%-d %B %Y}: {drawn.deed}"
    return "" if study.items.included().training().exists() else None


def _section(section) -> dict:
    parts = [part if isinstance(part, str) else {"heading": list(part.heading), "rows": [list(row) for row in part.rows]}
             for part in section.parts]  # fmt: skip
    return {"title": section.title, "parts": parts}


def stimuli_of(study: Study, protocol: StudyProtocol | None) -> dict | None:
    """What is rated, counted by kind, condition, origin and role; None for a study that rates nothing."""
    if protocol is None or not protocol.stimuli:
        return None
    survey_set = study.survey_sets.first()
    heads = {part["kind"]: part for part in survey_set.design.get("parts", ())} if survey_set else {}
    counts: dict[str, Counter] = {kind: Counter() for kind in protocol.stimuli}
    for stimulus in Stimulus.objects.filter(study=study).prefetch_related("frames"):
        origins = {frame.get_origin_display().lower() for frame in stimulus.frames.all()}
        origin = MIXED if len(origins) > 1 else next(iter(origins), "")
        key = (stimulus.condition or "–", origin, stimulus.get_role_display().lower())
        counts.setdefault(stimulus.kind, Counter())[key] += 1
    kinds = [_kind(study, kind, shown, counts[kind], heads.get(kind, {})) for kind, shown in protocol.stimuli.items()]
    matches = match_tables(survey_set.design) if survey_set else []
    return {
        "kinds": kinds, "sets": _sets(study), "licences": _licences(study),
        "matches": [[title, [list(row) for row in rows]] for title, rows in matches],
    }  # fmt: skip


def _kind(study: Study, kind: str, shown: dict, counts: Counter, head: dict) -> dict:
    words = words_for(study, kind)
    rated = sum(count for (_, _, role), count in counts.items() if role == Stimulus.Role.RATED.label.lower())
    return {
        "kind": kind, "heading": words["heading"], "one": words["one"], "many": words["many"], "rated": rated,
        "counts": [[*key, f"{count:,}"] for key, count in sorted(counts.items())],
        "width": shown.get("width"), "height": shown.get("height"), "exposure_ms": shown.get("exposure_ms"),
        "jpeg_quality": shown.get("jpeg_quality") or [], "per_rater_max": shown.get("per_rater_max", 60),
        "min_raters": shown.get("min_raters", 6), "repeats": shown.get("repeats", 0), "catches": head.get("catches_per_rater") or 0,
    }  # fmt: skip


def _sets(study: Study) -> list[dict]:
    """The sets of generated pictures that the stimuli show, and how each was searched for copies of training pictures."""
    published = Publication.objects.filter(items__images__stimulus_frames__stimulus__study=study).distinct()
    found = []
    for publication in published.select_related("image_set__generator").order_by("image_set__title"):
        image_set, audit = publication.image_set, publication.image_set.newest_audit
        weights = f", weights {image_set.generator.weights_hash[:SHORT]}" if image_set.generator else ""
        searched = f"not searched for copies: {publication.unaudited_reason or 'no reason is recorded'}"
        if audit:
            searched = (
                f"searched for copies of {audit.n_train:,} training pictures, calibrated on {audit.n_held_out:,} that were held out:"
                f" {audit.n_suspected:,} suspected"
            )
        what = f"{image_set.get_kind_display()}, {image_set.get_condition_display().lower()}, made by {image_set.made_by}{weights}"
        found.append({"title": image_set.title, "what": what, "sha256": image_set.set_hash, "searched": searched})
    return found


def _licences(study: Study) -> list[list[str]]:
    """Licences of the pictures in the stimuli, the real ones and the generated ones apart."""
    rows = Provenance.objects.filter(image__stimulus_frames__stimulus__study=study).order_by()
    pairs = rows.values_list("image", "image__stimulus_frames__origin", "licence").distinct()
    counts = Counter((origin, licence or "not said") for _, origin, licence in pairs)
    return [[origin, licence, f"{count:,}"] for (origin, licence), count in sorted(counts.items())]


def surveys_of(study: Study, protocol: StudyProtocol | None) -> dict:
    """The surveys as drawn with their certificate, or as the set-up would have them drawn from the images that there are."""
    survey_set = study.survey_sets.first()
    found = {
        "drawn": survey_set is not None, "seed": None, "sha256": "", "drawn_on": "", "surveys": 0, "items": 0, "pages": "",
        "sets": protocol.sets if protocol else 0, "per_class": protocol.per_class if protocol else 0,
        "per_survey": protocol.per_class * study.classes.count() if protocol else 0,
        "order": protocol.view_order_design if protocol else "fixed",
        "repeats": protocol.repeats_percent if protocol and protocol.repeats else "",
        "reads": str(protocol.sets) if protocol else "",
        "anchors": protocol.anchors_per_class if protocol else 0,
        "control": _control(study, protocol), "blocks": [], "promises_hold": None, "properties": [],
    }  # fmt: skip
    if survey_set is not None:
        return found | _drawn(study, protocol, survey_set)
    return found | (_planned(study, protocol) if protocol and not protocol.stimuli else {})


def _control(study: Study, protocol: StudyProtocol | None) -> float | None:
    """The share of the control arm, 0 without one; None where nobody answers a second time."""
    return max(control_shares(protocol).values(), default=0) if assisted_questions(study) else None


def _drawn(study: Study, protocol: StudyProtocol, survey_set: SurveySet) -> dict:
    rows = SurveyItem.objects.filter(block__survey__survey_set=survey_set)
    pages = Counter(rows.values_list("block__survey", flat=True))
    by_view: dict[str, Counter] = {}
    for block, view in rows.values_list("block", "block__view"):
        by_view.setdefault(view, Counter())[block] += 1
    order = [view for view in protocol.view_order if view in by_view]
    held = Counter(item for item, _ in rows.values_list("item", "block__survey").distinct())
    shown = rows.filter(stimulus__role=Stimulus.Role.RATED).values("stimulus") if protocol.stimuli else rows.values("item")
    certificate = survey_set.certificate
    return {
        "seed": survey_set.seed, "sha256": survey_set.design_sha256, "drawn_on": f"{survey_set.created_at:%-d %B %Y}",
        "surveys": survey_set.surveys.count(), "items": shown.distinct().count(), "pages": from_to(pages.values()),
        "reads": from_to(held.values()),
        "blocks": [{"counted": _counted(study, protocol, view, from_to(by_view[view].values()))} for view in order],
        "promises_hold": certificate["promises_hold"],
        "properties": [{name: value for name, value in row.items() if name != "problems"} for row in certificate["properties"]],
    }  # fmt: skip


def _planned(study: Study, protocol: StudyProtocol) -> dict:
    """Nothing of surveys that the images do not permit as they are: every class equally often, in whole surveys."""
    items = Item.objects.filter(study=study).included().testing().with_views(protocol.view_order)
    counts = Counter(items.exclude(truth=None).values_list("truth__diagnosis", flat=True))
    each = set(counts.values())
    anchors = protocol.anchors_per_class
    beside = protocol.per_class - anchors  # of each class in a survey, and no anchors
    if len(each) != 1 or len(counts) != study.classes.count() or beside < 1 or (next(iter(each)) - anchors) % beside:
        return {}
    surveys = (next(iter(each)) - anchors) // beside * protocol.sets
    per_survey = protocol.per_class * len(counts)
    return {
        "surveys": surveys, "items": sum(counts.values()), "reads": from_to({protocol.sets, surveys} if anchors else {protocol.sets}),
        "pages": str(per_survey * len(protocol.view_order)),
        "blocks": [{"counted": _counted(study, protocol, view, str(per_survey))} for view in protocol.view_order],
    }  # fmt: skip


def _counted(study: Study, protocol: StudyProtocol, view: str, count: str) -> str:
    if protocol.stimuli:
        return f"{words_for(study, view)['heading']}: {count} page{'' if count == '1' else 's'}"
    return f"{study.view_label(view)}: {count} image{'' if count == '1' else 's'}"


def from_to(numbers) -> str:
    """"56", or "40 to 44" where they differ."""
    low, high = min(numbers, default=0), max(numbers, default=0)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def readers_of(study: Study) -> list[dict]:
    """Who read where the answers were imported: each group with the readers that it has."""
    readers = Counter(study.readers.values_list("group", flat=True))
    groups = study.reader_groups.order_by("position")
    return [{name: getattr(group, name) for name in NAMES} | {"seats": readers[group.pk]} for group in groups]


def groups_of(study: Study, surveys: dict) -> list[dict]:
    """Who reads, with the seats that there are, or will be."""
    seats = Counter(Seat.objects.of_study(study).live().values_list("group", flat=True))
    return [
        {name: getattr(group, name) for name in NAMES}
        | {"seats": seats[group.pk] or (surveys["surveys"] if group.kind == group.Kind.HUMAN else 0)}
        for group in study.reader_groups.order_by("position")
    ]


def reading_of(study: Study, protocol: StudyProtocol | None) -> dict:
    """The rules of reading, and how the pictures that readers get are made."""
    found = {"invitation_days": 0, "threshold": 0, "strictly_more": True, "questions": None, "allow_blank": True, "zoom": True,
             "about": [], "served": []}  # fmt: skip
    if protocol is None:
        return found
    asked = set(required_counts(study).values())
    fewest = {protocol.fewest_answers(count) for count in asked}
    return found | {
        "invitation_days": protocol.invitation_days,
        "threshold": float(100 * protocol.completion_threshold),
        "strictly_more": protocol.strictly_more,
        "questions": [from_to(asked), from_to(fewest)] if asked else None,
        "allow_blank": protocol.allow_blank,
        "zoom": protocol.zoom_allowed,
        "about": [
            {"prompt": row["prompt"], "kind": row.get("kind", "text"), "choices": list(row.get("choices", ())),
             "required": bool(row.get("required")), "use": _use(row)}
            for row in protocol.demographic_questions
        ],
        "served": _served(study, protocol),
    }  # fmt: skip


def _use(question: dict) -> str:
    if is_only_verified(question):
        return "to check who takes part; in no analysis"
    return "in analyses of readers" if is_analysed(question) else "free text; in no analysis"


def _served(study: Study, protocol: StudyProtocol) -> list[str]:
    drawn = Block.objects.filter(survey__survey_set__study=study).order_by().values_list("view", flat=True).distinct()
    return [
        f"{_counted_as(study, protocol, view)} reach readers as: {chain_of(study, view).words()}."
        for view in protocol.view_order
        if view in drawn
    ]


def _counted_as(study: Study, protocol: StudyProtocol, view: str) -> str:
    words = words_for(study, view)
    return f"“{words['heading']}”" if protocol.stimuli else f"Images of the view “{study.view_label(view)}”"
