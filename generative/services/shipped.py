"""The small generator that comes with the platform, trained on drawn pictures, and the sets it made: published in seconds
so that a demonstration has something to rate. The sets' audits come with them; nothing is generated or compared here."""

import json
from pathlib import Path

from django.conf import settings
from django.db import transaction

from generative.models import ImageSet, Publication
from imagebank.models import DiagnosisClass, Membership, Study

from .auditing import decide_copy, record_audit, settle_state
from .networks import register_generator
from .publishing import publish_set
from .sets import add_set

HOME = Path(settings.BASE_DIR) / "fixtures" / "drawn-generator"
TITLE = "Drawn skin, 32 px"
# file, title, condition
SETS = (
    ("samples-random", "Drawn skin, as it came", ImageSet.Condition.RANDOM),
    ("samples-curated", "Drawn skin, chosen", ImageSet.Condition.CURATED),
    ("morph", "From one condition to another", ImageSet.Condition.RANDOM),
    ("mix", "Colours and shapes crossed", ImageSet.Condition.RANDOM),
)
LEFT_OUT = "Nearer to a training picture than held-out ones come; left out of the demonstration."


def publish_shipped(*, study: Study, view: str = "focused", user=None) -> list[Publication]:
    """Load the shipped generator and its sets into `study` and publish them into its realism study (`realism_study`).

    Suspected copies are left out, with the reason on record. Again it changes nothing. Takes seconds and needs no torch.
    """
    register_generator(study=study, folder=HOME / "weights", title=TITLE, user=user)
    target = realism_study(study=study, view=view)
    published = []
    for name, title, condition in SETS:
        image_set = add_set(study=study, path=HOME / f"{name}.zip", title=title, condition=condition, user=user)
        with transaction.atomic():
            if not image_set.audits.exists():
                report = json.loads((HOME / f"{name}.audit.json").read_text(encoding="utf-8"))
                record_audit(image_set=image_set, report=report, user=user)
                image_set.evaluation = json.loads((HOME / f"{name}.evaluation.json").read_text(encoding="utf-8"))
                image_set.save(update_fields=["evaluation"])
            for sample in image_set.samples.unresolved():
                decide_copy(sample=sample, publish=False, why=LEFT_OUT, user=user)
            settle_state(image_set=image_set)
        published.append(publish_set(image_set=image_set, study=target, view=view, user=user))
    return published


def realism_study(*, study: Study, view: str) -> Study:
    """A study for rating generated pictures beside those of `study`: its classes, one view, its people."""
    with transaction.atomic():
        made, new = Study.objects.get_or_create(
            slug=f"{study.slug}-realism"[:50],
            defaults={
                "title": f"{study.title}: real or generated?"[:200],
                "summary": "Generated pictures, beside real ones of the same size, to be rated for realism.",
                "nature": "; ".join(filter(None, [study.nature, "half of them generated"]))[:100],
                "views": [{"code": view, "label": study.view_label(view)}],
            },
        )
        if new:
            DiagnosisClass.objects.bulk_create(
                DiagnosisClass(study=made, code=row.code, name=row.name, description=row.description, position=row.position)
                for row in study.classes.all()
            )
            Membership.objects.bulk_create(
                Membership(study=made, user_id=row.user_id, role=row.role) for row in study.members.all()
            )
    return made
