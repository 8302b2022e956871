"""What the site itself knows about how a study was made and read, in sentences for the report's checklists.

Only what a row of the database shows is said; everything else stays "not recorded".
"""

from collections import Counter

from django.db.models import Max, Min

from imagebank.models import DiagnosisReview, Item, Study
from surveys.models import ServedPicture, SurveyResponse


def images_record(study: Study) -> dict[str, str]:
    """Exclusions, classes, partition and the check for leakage."""
    record = {}
    items = study.items.all()
    excluded = Counter(items.exclude(excluded_at=None).values_list("exclusion_reason", flat=True))
    if excluded:
        told = ", ".join(f"{reason or 'no reason given'} ({count})" for reason, count in sorted(excluded.items()))
        record["exclusions"] = f"Excluded items: {told}."
    training = items.included().filter(split=Item.Split.TRAIN)
    testing = items.included().filter(split=Item.Split.TEST).count()
    if training.exists():
        folds = training.exclude(fold=None).values("fold").distinct().count()
        in_folds = f" in {folds} folds" if folds else ""
        record["partition"] = f"{training.count():,} items for training{in_folds} and {testing:,} for testing."
        counted = Counter(items.included().values_list("truth__diagnosis", "split"))
        record["class_counts"] = "; ".join(
            f"{found.name} {counted[found.pk, Item.Split.TRAIN]:,} for training and {counted[found.pk, Item.Split.TEST]:,} for testing"
            for found in study.classes.all()
        ) + "."  # fmt: skip
    report = study.leakage_reports.first()
    if report is not None:
        crossing = report.findings.filter(crosses_split=True).count()
        record["leakage_check"] = (
            f"{report.images:,} images compared by bytes, pixels and likeness; pairs between training and test: {crossing}."
        )
    return record


def reference_record(study: Study) -> dict[str, str]:
    """How the diagnosis was reviewed, where it was reviewed here."""
    reviews = DiagnosisReview.objects.filter(item__study=study)
    if not reviews.exists():
        return {}
    people = reviews.values("reviewer").distinct().count()
    reviewed: dict[int, set] = {}
    for item, diagnosis in reviews.values_list("item", "diagnosis"):
        reviewed.setdefault(item, set()).add(diagnosis)
    apart = sum(len(found) > 1 for found in reviewed.values())
    return {
        "method": f"The diagnosis of {len(reviewed):,} items was reviewed independently by {people} people.",
        "disagreement": f"Reviewers named different diagnoses for {apart} items.",
        "blinding": "Reviewers see neither the reference class nor each other's review.",
    }


def reading_record(study: Study) -> dict[str, dict[str, str]]:
    """Readers, pictures, reading, sample size and consent of a study that was read here."""
    protocol = getattr(study, "protocol", None)
    surveys = study.survey_sets.first()
    if protocol is None or surveys is None or protocol.stimuli:
        return {}
    views = " before ".join(study.view_label(view).lower() for view in protocol.view_order)
    per_survey = len(study.classes.all()) * protocol.per_class
    seats = surveys.surveys.count()
    record = {
        "readers": {
            "recruitment": "By personal link; the first complete sitting of each seat is analysed.",
            "blinding": "Readers see no reference class, no network's answer and no result; a later block is sent when the"
            " earlier one is sealed.",
            "training": "Instructions and a practice item come before the first block.",
        },
        "images": {
            "preprocessing": "Every image was decoded, turned upright and stripped of all metadata when it was imported.",
            "deidentification": "Readers get pixels alone, without metadata, file name or provenance.",
        },
        "reading": {
            "order": f"{views[:1].upper()}{views[1:]}; images in an order drawn from the seed {surveys.seed}.",
            "response_options": f"One of {study.classes.count()} classes: {', '.join(study.classes.values_list('name', flat=True))}.",
            "breaks": "Between blocks, as long as readers like; a sitting may be left and gone on with later.",
            "display": f"On the reader's own screen, {views}; zoom {'allowed' if protocol.zoom_allowed else 'not allowed'}."
            f"{_served(study)}",
            "time_limit": "No limit.",
            "independence": "Everybody reads alone under a personal link and sees no other reader's answers.",
        },
        "sample_size": {
            "planned": f"{seats} surveys of {per_survey} items per view, each with one seat per group of readers."
            f"{_common(protocol)}{_again(protocol)}",
        },
        "study": {},
    }
    if protocol.consent_text:
        record["study"]["consent"] = "Every reader agreed to a consent text before the first question."
    if dates := _dates(study):
        record["study"]["dates"] = dates
    return record


def _common(protocol) -> str:
    """What every survey showed, in a sentence; nothing where nothing did."""
    if protocol.anchor_items:
        return f" {len(protocol.anchor_items)} named items, the anchors, stood in every survey."
    items = "item" if protocol.anchors == 1 else "items"
    told = f" {protocol.anchors} {items} of every class, drawn from the seed, stood in every survey as anchors."
    return told if protocol.anchors else ""


def _again(protocol) -> str:
    """What came a second time, in a sentence; nothing where nothing did."""
    told = f" {protocol.repeats_percent} % of every block came a second time in it, unannounced; only first answers are compared."
    return told if protocol.repeats else ""


def _served(study: Study) -> str:
    """How the pictures that readers saw were made of those that networks read, where any was served."""
    chains = ServedPicture.objects.filter(study=study).order_by("chain").values_list("chain", flat=True).distinct()
    shown = {chain: sorted(set(study.served_pictures.filter(chain=chain).values_list("view", flat=True))) for chain in chains}
    told = "; ".join(f"{', '.join(study.view_label(view).lower() for view in views)}: {chain}" for chain, views in shown.items())
    return f" Served as {told}; pictures.csv names each by its hash beside what networks read." if told else ""


def _dates(study: Study) -> str:
    real = SurveyResponse.objects.of_study(study).filter(simulated=False, reader__kind="human")
    began = real.aggregate(first=Min("started_at"), last=Max("started_at"))
    return "Sittings began from {first:%-d %B %Y} to {last:%-d %B %Y}.".format(**began) if began["first"] else ""


def network_record(study: Study) -> dict[str, str]:
    """The networks that were trained here: what they are, how they were trained and put together."""
    runs = list(study.training_runs.order_by("name", "view"))
    if not runs:
        return {}
    record = {
        "description": "; ".join(f"{run.name}, {study.view_label(run.view).lower()}: {_architecture(run.config)}" for run in runs)
        + ".",
        "version": "; ".join(f"{run.name}, {run.view}: settings {run.fingerprint[:12]}" for run in runs) + ".",
        "training_data": "; ".join(f"{run.name}, {run.view}: {_trained_on(run)}" for run in runs) + ".",
        "development": "One network per fold of the training items, each validated on the fold that it did not see."
        + ("" if all(run.has_weights for run in runs) else " Of networks whose answers were brought as a file it is not recorded."),
    }
    rules = {
        f"{ensemble.get_rule_display()}, threshold {ensemble.threshold:g}{' included' if ensemble.inclusive else ''}"
        for ensemble in study.ensembles.all()
    }
    if rules:
        record["ensemble"] = f"Members are put together by: {'; '.join(sorted(rules))}."
        record["threshold"] = "The class with the largest probability is the answer."
    return record


def _architecture(config: dict) -> str:
    return config.get("model", {}).get("backbone", "trained by other means, its answers were brought as a file")


def _trained_on(run) -> str:
    return f"manifest {run.manifest_fingerprint[:12]}" if run.has_weights else "not recorded"
