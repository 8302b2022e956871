"""A first analysis plan for a study, for its people to weigh and change before they stamp it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import tomli_w

from benchmark.core.plans.plan import SCHEMA, Contrast

TESTS_BESIDE = (("Wilcoxon signed rank over {unit}s", "wilcoxon"), ("exact sign flip over {unit}s", "sign-flip"))


@dataclass(frozen=True)
class PlanDraft:
    """What a drafted plan is to say. Fields are those of `Plan`; `contrasts` may be empty, as in rating studies.

    unit: what the paired test counts, "survey" or "reader". key: what the seeds come from, so that a draft of one study
    is the same whenever it is made. threshold, strictly_more: when a sitting counts as complete.
    """

    title: str
    key: str
    contrasts: tuple[Contrast, ...] = ()
    unit: str = "survey"
    multiplicity: str = "holm"
    estimand: str = "both"
    margin: float | None = None
    missing: str = "incorrect"
    threshold: float = 0.95
    strictly_more: bool = True
    rating: bool = False


def draft_plan(draft: PlanDraft) -> str:
    """The text of analysis.toml, each decision with why one might decide otherwise."""
    parts = [
        "# A drafted plan: weigh every line and change it before it is stamped. It then stands with its hash, and every\n"
        "# later change is listed as a deviation.",
        _toml(schema=SCHEMA, title=draft.title, alpha=0.05, confidence_level=0.95, sides=2),
    ]
    parts += [] if draft.rating else [*_data_and_primary(draft), *_beside(draft)]
    if draft.margin is not None:
        why = "an error this near to one half counts as guessing" if draft.rating else "differences within it count as none"
        parts.append(f"# Margin of equivalence on the scale of shares: {why}.\n[equivalence]\n" + _toml(margin=draft.margin))
    seed = int(sha256(draft.key.encode()).hexdigest()[:7], 16)
    parts.append("[seeds]\n" + _toml(bootstrap=seed, permutation=seed + 1))
    return "\n\n".join(parts) + "\n"


def _data_and_primary(draft: PlanDraft) -> Iterable[str]:
    yield (
        "# Which sittings are analysed, and what a blank among their answers counts as (excluded: left out instead).\n[data]\n"
        + _toml(
            completion_threshold=draft.threshold, completion_comparison=">" if draft.strictly_more else ">=",
            analysed="first complete per seat", missing=draft.missing,
        )
    )  # fmt: skip
    yield (
        "# The comparisons that count. Their p-values are adjusted together; all others are exploratory. The estimand says\n"
        "# which answer decides: these images with new readers, new images with new readers, or both, each printed.\n[primary]\n"
        + _toml(
            unit=draft.unit, test=f"paired t-test over {draft.unit}s", multiplicity=draft.multiplicity, estimand=draft.estimand,
            new_images="two-way variance, Satterthwaite t",
        )
    )  # fmt: skip
    for contrast in draft.contrasts:
        yield "[[primary.contrasts]]\n" + _toml(**_fields(contrast))


def _fields(contrast: Contrast) -> dict[str, str]:
    network = {"assistant" if contrast.assisted else "model": contrast.model}
    against = {"against": "control"} if contrast.control else {}
    view = {} if contrast.view is None else {"view": contrast.view}
    return network | against | {"group": contrast.group} | view


def _beside(draft: PlanDraft) -> Iterable[str]:
    other = "excluded" if draft.missing == "incorrect" else "incorrect"
    yield f"# Computed beside it, to see how much hangs on each decision.\n[[sensitivity]]\n{_toml(name=f'blanks {other}', missing=other)}"
    for name, test in TESTS_BESIDE:
        yield "[[sensitivity]]\n" + _toml(name=name.format(unit=draft.unit), test=test)
    yield "[[secondary]]\n" + _toml(name="accuracy by class", multiplicity="bh")


def _toml(**fields) -> str:
    return tomli_w.dumps(fields).rstrip("\n")
