"""The whole design of a rating study: who rates what, in which order, and which way round; with its certificate."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .allocate import Shares, share_out
from .allocation import CATCH, REPEAT, Allocation, Shown, Sitting, certify_allocation
from .certificate import PROMISE, Certificate, Property, balance, promise
from .counterbalance import counterbalance
from .draw import Draw
from .rating_match import condition_properties, match_properties
from .repeats import certify_repeats, deal_repeats
from .shape import DesignError

SCHEMA = "rating-design/1"
TURNED_KINDS = ("pair", "strip")
REPEATS_OF_A_SITTING = "of a sitting"
NOUNS = {"pair": "pairs", "strip": "strips", "grid": "grids"}


@dataclass(frozen=True)
class RatingPart:
    """One block of every sitting: the stimuli of one kind and how they are shared out.

    stimuli: code -> stratum; every rater sees each stratum equally often. groups: stratum -> condition, of which the same holds.
    frames: code -> number of frames, catches included. Pairs and strips are shown one way round to half of their raters, the other way to the others.
    """

    kind: str
    stimuli: Mapping[str, str]
    frames: Mapping[str, int]
    catches: Sequence[str] = ()
    per_rater_max: int = 60
    min_raters: int = 6
    repeats: float = 0.05
    catches_per_rater: int | None = None
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def turns(self) -> bool:
        return self.kind in TURNED_KINDS


def draw_rating_design(
    parts: Sequence[RatingPart], *, raters: int, seed: int, stimuli: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Draw every sitting and return the design as a document (rating-design/1), its certificate included.

    stimuli: what each stimulus is (stimulus, kind, role, label, tone, frames with their origin); it goes into the document, and the
    certificate says how alike the real and the generated ones are.

    A rater who sees no stimulus of a kind (there are few strips or grids) has no such block. Repeats are dealt out over all kinds
    together (repeats.py). A repeat is shown the other way round than the first time, where there are two ways. The same
    arguments give the same document on every platform.
    DesignError when the raters are too few; it says how many would do.
    """
    allocations = _allocate(parts, raters, seed)
    surveys: list[dict[str, Any]] = [{"survey": number, "blocks": []} for number in range(1, raters + 1)]
    for part, allocation in zip(parts, allocations, strict=True):
        turned = _turned(part, allocation, seed)
        for survey, sitting in zip(surveys, allocation.sittings, strict=True):
            pages = []
            for page in sitting.pages:
                turn = turned.get((sitting.rater, page.image), False) != (page.kind == REPEAT and part.turns)
                places = list(range(1, part.frames[page.image] + 1))
                pages.append({"stimulus": page.image, "kind": page.kind, "order": places[::-1] if turn else places})
            if pages:
                survey["blocks"].append({"view": part.kind, "pages": pages})
    idle = sum(not survey["blocks"] for survey in surveys)
    if idle:
        raise DesignError(
            f"{idle} of {raters} raters would have nothing to rate, so few are the stimuli; ask {raters - idle} raters or add stimuli."
        )
    document = {
        "schema": SCHEMA,
        "seed": seed,
        "raters": raters,
        "repeats": REPEATS_OF_A_SITTING,
        "parts": [_head(part, allocation) for part, allocation in zip(parts, allocations, strict=True)],
        "surveys": surveys,
        "stimuli": list(stimuli),
    }
    return document | {"certificate": json.loads(json.dumps(verify_rating_design(document).to_dict()))}


def _allocate(parts: Sequence[RatingPart], raters: int, seed: int) -> list[Allocation]:
    shares = [_share_out(part, raters, seed) for part in parts]
    counts = deal_repeats(
        [{part.kind: len(own.held[rater]) for part, own in zip(parts, shares, strict=True)} for rater in range(raters)],
        {part.kind: part.repeats for part in parts},
        [{part.kind: own.room(rater) for part, own in zip(parts, shares, strict=True)} for rater in range(raters)],
        draw=Draw(seed, "repeats"),
    )
    return [own.in_order([count[part.kind] for count in counts]) for part, own in zip(parts, shares, strict=True)]


def _share_out(part: RatingPart, raters: int, seed: int) -> Shares:
    return share_out(
        part.stimuli,
        raters=raters,
        per_rater_max=part.per_rater_max,
        min_raters_per_image=part.min_raters,
        repeats=part.repeats,
        catches=part.catches,
        catches_per_rater=part.catches_per_rater,
        groups=part.groups,
        seed=seed,
        noun=NOUNS.get(part.kind, "images"),
    )


def _turned(part: RatingPart, allocation: Allocation, seed: int) -> dict[tuple[str, str], bool]:
    """For every (rater, stimulus) whether it is first shown the other way round."""
    if not part.turns:
        return {}
    pages = [
        (sitting.rater, page.image) for sitting in allocation.sittings for page in sitting.pages if page.kind != REPEAT
    ]
    return dict(zip(pages, counterbalance(pages, draw=Draw(seed, "turns", part.kind)), strict=True))


def _of_part(part: RatingPart, entry: Property) -> Property:
    words = entry.meaning[:1].lower() + entry.meaning[1:]
    return replace(entry, name=f"{part.kind}: {entry.name}", meaning=f"{part.kind.capitalize()}s: {words}")


def _head(part: RatingPart, allocation: Allocation) -> dict[str, Any]:
    return {
        "kind": part.kind,
        "per_rater_max": part.per_rater_max,
        "min_raters": part.min_raters,
        "repeats": part.repeats,
        "repeat_gap": allocation.repeat_gap,
        "catches": list(part.catches),
        "catches_per_rater": allocation.catches_per_rater,
        "strata": dict(sorted(part.stimuli.items())),
        "frames": dict(sorted(part.frames.items())),
    }


def certify_turns(part: RatingPart, surveys: Sequence[Mapping[str, Any]]) -> tuple[Property, ...]:
    """Whether every frame of a stimulus is shown, and how evenly the two ways round are spread; counted from the sittings."""
    first = [
        (survey["survey"], page) for survey in surveys for page in _pages(survey, part.kind) if page["kind"] != REPEAT
    ]
    per_rater, per_stimulus = Counter(), Counter()
    raters, stimuli = Counter(), Counter()
    for rater, page in first:
        way = 1 if page["order"] == sorted(page["order"]) else -1
        raters[rater] += 1
        per_rater[rater] += way
        if page["kind"] != CATCH:
            stimuli[page["stimulus"]] += 1
            per_stimulus[page["stimulus"]] += way
    return (
        promise(
            "whole",
            "Every stimulus is shown with all its frames, in one of two orders.",
            _wrong_orders(part, surveys),
        ),
        balance(
            "ways round per rater",
            "Largest difference, at one rater, between the numbers shown one way round and the other.",
            reached=max((abs(count) for count in per_rater.values()), default=0),
            best=max((count % 2 for count in raters.values()), default=0),
            limit=1,
        ),
        balance(
            "ways round per stimulus",
            "Largest difference, for one stimulus, between the raters who saw it one way round and the other.",
            reached=max((abs(count) for count in per_stimulus.values()), default=0),
            best=max((count % 2 for count in stimuli.values()), default=0),
            limit=1,
        ),
    )


def _pages(survey: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    for block in survey["blocks"]:
        if block["view"] == kind:
            yield from block["pages"]


def _wrong_orders(part: RatingPart, surveys: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for survey in surveys:
        for number, page in enumerate(_pages(survey, part.kind), start=1):
            whole = list(range(1, part.frames[page["stimulus"]] + 1))
            if page["order"] not in (whole, whole[::-1]):
                yield f"Survey {survey['survey']}, page {number}: {page['stimulus']} is shown in the order {page['order']}."


def verify_rating_design(document: Mapping[str, Any]) -> Certificate:
    """The certificate of a rating-design/1 document, counted anew from its sittings alone.

    DesignError when the document is none or its parts and sittings do not fit together.
    """
    if document.get("schema") != SCHEMA:
        raise DesignError(f'The design must say "schema": "{SCHEMA}"; it says {document.get("schema")!r}.')
    try:
        properties: list[Property] = []
        for head in document["parts"]:
            part, allocation = _read_part(head, document)
            properties += [_of_part(part, entry) for entry in certify_allocation(allocation, part.stimuli).properties]
            properties += [_of_part(part, entry) for entry in certify_turns(part, document["surveys"]) if part.turns]
        if document.get("repeats") == REPEATS_OF_A_SITTING:  # designs published before it say the share of every kind alone
            properties.append(_repeats(document))
        properties += condition_properties(document.get("stimuli", ()), document["surveys"])
        properties += match_properties(document.get("stimuli", ()))
    except (KeyError, TypeError, AttributeError) as error:
        raise DesignError(f"The design is incomplete: {error!r} is missing or of another kind.") from error
    return Certificate(tuple(sorted(properties, key=lambda entry: entry.kind != PROMISE)))


def _repeats(document: Mapping[str, Any]) -> Property:
    shares = {head["kind"]: head["repeats"] for head in document["parts"]}
    sittings = [{kind: [page["kind"] for page in _pages(survey, kind)] for kind in shares} for survey in document["surveys"]]
    return certify_repeats(shares, sittings)


def _read_part(head: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[RatingPart, Allocation]:
    sittings = tuple(
        Sitting(
            str(survey["survey"]),
            tuple(Shown(page["stimulus"], page["kind"]) for page in _pages(survey, head["kind"])),
        )
        for survey in document["surveys"]
    )
    part = RatingPart(
        kind=head["kind"],
        stimuli=head["strata"],
        frames=head["frames"],
        catches=tuple(head["catches"]),
        per_rater_max=head["per_rater_max"],
        min_raters=head["min_raters"],
        repeats=head["repeats"],
        catches_per_rater=head["catches_per_rater"],
    )
    allocation = Allocation(
        seed=document["seed"],
        per_rater_max=part.per_rater_max,
        min_raters_per_image=part.min_raters,
        repeats=part.repeats,
        repeat_gap=head["repeat_gap"],
        catches=part.catches,
        catches_per_rater=head["catches_per_rater"],
        sittings=sittings,
        certificate=Certificate(()),
    )
    return part, allocation
