"""The small generator that comes with the platform, trained on drawn pictures, and the sets it made: published in seconds
so that a demonstration has something to rate. The sets' audits come with them; nothing is generated or compared here."""

import json
from pathlib import Path

from django.conf import settings
from django.db import transaction

from generative.models import ImageSet, Publication
from imagebank.models import Study

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
    """Load the shipped generator and its sets into `study` and publish them there under `view`.

    Suspected copies are left out, with the reason on record. Again it changes nothing. Takes seconds and needs no torch.
    """
    register_generator(study=study, folder=HOME / "weights", title=TITLE, user=user)
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
        published.append(publish_set(image_set=image_set, view=view, user=user))
    return published
