"""The data card of an image set, to go out with it: what made it and from what, how good it is, whether it copies anybody."""

from collections import Counter

from generative.models import ImageSet
from generative.presenting import audit_numbers, judged, option_words, shown_label
from generative.services.pictures import class_names
from imagebank.tables import markdown_table

USE = """## Use and limits

These pictures are generated; they show no patient. They are for judging how real they look and for studies of networks, not
for teaching what a condition looks like, and not for decisions about anybody. The search for copies sees what its settings let it
see: a memory of a face or a lesion that is repeated in another form would not be found.
"""


def set_card(image_set: ImageSet) -> str:
    """The card as Markdown. It names no training picture."""
    samples = list(image_set.samples.all())
    names = class_names(image_set.study, sorted({name for sample in samples for name in sample.label}))
    by_label = Counter(shown_label(sample, names) for sample in samples)
    parts = [
        f"# Data card: {image_set.title}\n",
        "**Generated, not photographs.**\n",
        f"{len(samples):,} pictures of {image_set.resolution} px, {image_set.get_kind_display().lower()}, "
        f"{image_set.get_condition_display().lower()}; frozen under `{image_set.set_hash}`. "
        f"Licence: {image_set.licence or 'not stated'}.\n",
        _made_by(image_set),
        "## What was asked for\n",
        markdown_table(("label", "pictures"), sorted(by_label.items())),
        _copies(image_set),
        _quality(image_set, names),
        _published(image_set),
        USE,
    ]
    return "\n".join(parts)


def _made_by(image_set: ImageSet) -> str:
    generator, plan = image_set.generator, image_set.record.get("plan", {})
    facts = [("made by", image_set.made_by)]
    if generator is not None:
        facts += [("weights", f"`{generator.weights_hash}`"), ("licence of the network", generator.licence)]
        facts += [("its classes", ", ".join(generator.classes))]
        if generator.source_sha256:
            facts.append(("imported from a file of SHA-256", f"`{generator.source_sha256}`"))
        run = generator.run
        if run is not None:
            facts.append(("trained on", f"{run.pictures:,} pictures of the {run.view} view, manifest `{run.manifest_sha256}`"))
            said = ", ".join(["", *option_words(run.options)])
            facts.append(("recipe", f"{run.recipe}, {run.resolution} px, {run.total_kimg:g} kimg, seed {run.seed}{said}"))
    wanted = {"truncation": "truncation", "cutoff": "layers truncated, from the coarsest", "centre": "centre", "noise": "noise",
              "spacing": "spacing", "cut": "cut"}  # fmt: skip
    facts += [(words, plan[name]) for name, words in wanted.items() if plan.get(name) not in (None, "", [])]
    return f"## What made it\n\n{markdown_table(('fact', 'value'), facts)}"


def _copies(image_set: ImageSet) -> str:
    audit = image_set.newest_audit
    if audit is None:
        return "## Copies of training pictures\n\nNot searched for: whether a picture repeats a training picture is unknown.\n"
    decided = Counter(image_set.samples.filter(quarantined=True).values_list("decision__publish", flat=True))
    said = (
        f"Compared with {audit.n_train:,} training pictures on {audit.created_at:%d %B %Y}, calibrated on {audit.calibration}; "
        f"features: {audit.features}. Suspected: {audit.n_suspected:,}"
    )
    if audit.n_suspected:
        said += f" ({decided[True]:,} kept by a recorded decision, {decided[False]:,} left out, {decided[None]:,} undecided)"
    rows = [
        (row["space"], f"{row['threshold']:.4f}", f"{row['below']:.3f}", _number(row["authenticity"]), _number(row["asymmetry"]))
        for row in audit_numbers(audit)
    ]
    heading = ("compared in", "threshold", "share below", "authenticity", "nearer to training")
    return f"## Copies of training pictures\n\n{said}.\n\n{markdown_table(heading, rows)}"


def _number(value: float | None) -> str:
    return "not estimable" if value is None else f"{value:.3f}"


def _quality(image_set: ImageSet, names: dict[str, str]) -> str:
    rows = [(row.name, row.shown, row.interval, row.beside) for row in judged(image_set.evaluation, names)]
    if not rows:
        return "## How good\n\nNot measured yet.\n"
    heading = ("measure", "value", "95 % interval", "what it means")
    return f"## How good\n\nFeatures: {image_set.evaluation['features']}.\n\n{markdown_table(heading, rows)}"


def _published(image_set: ImageSet) -> str:
    lines = [
        f"As {publication.items.count():,} items of the view {publication.view} on {publication.published_at:%d %B %Y}"
        + (f", without an audit: {publication.unaudited_reason}" if publication.unaudited_reason else "") + "."
        for publication in image_set.publications.all()
    ]  # fmt: skip
    return "## Published\n\n" + ("\n\n".join(lines) or "Not yet.") + "\n"
