"""A set with crops of training pictures in it, from its ZIP to the refusal to publish it."""

import io

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from PIL import Image

from generative.services.auditing import audit_set
from generative.services.publishing import publish_set
from generative.services.sets import add_set
from imagebank.models import Item
from tests.generative.core.test_copies import cut_anywhere, disguised
from tests.generative.core.test_metrics import textured
from tests.generative.test_sets import packed
from tests.imagebank.factories import DiagnosisClassFactory, ItemFactory, ItemImageFactory, StudyFactory

pytestmark = pytest.mark.django_db
SIDES = (0.97, 0.93, 0.875)


def encoded(image: np.ndarray, form: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(buffer, form, quality=95)
    return buffer.getvalue()


@pytest.mark.once
def test_a_set_with_crops_of_training_pictures_is_held_back_and_cannot_be_published(tmp_path):
    study = StudyFactory(slug="skin", nature="drawn, not photographs", views=[{"code": "focused", "label": "focused"}])
    diagnosis = DiagnosisClassFactory(study=study, code="skin", name="Skin", position=0)
    train, held_out, fresh = textured(24, 1, 48), textured(24, 2, 48), textured(5, 3, 48)
    for table, split in ((train, Item.Split.TRAIN), (held_out, Item.Split.TEST)):
        for code, image in zip(table.items, table.images, strict=True):
            item = ItemFactory(study=study, code=code, split=split, diagnosis=diagnosis)
            ItemImageFactory(item=item, data=encoded(image, "JPEG"))
    rng = np.random.default_rng(0)
    made = {f"copy-{n}": disguised(cut_anywhere(train.images[n], side, rng)[0], rng) for n, side in enumerate(SIDES)}
    made |= dict(zip(fresh.items, fresh.images, strict=True))
    rows = [(f"{name},skin,{name}.png", encoded(image, "PNG")) for name, image in made.items()]
    image_set = add_set(study=study, path=packed(tmp_path / "set.zip", rows), title="Mixed", condition="random")
    told = []
    audit = audit_set(image_set=image_set, view="focused", progress=lambda *step: told.append(step))
    beside = {(finding.sample.code, finding.neighbour_code) for finding in audit.findings.filter(space="pixels")}
    assert beside >= {(f"copy-{n}", f"1-{n}") for n in range(len(SIDES))}
    assert {done <= total for _, done, total in told} == {True}
    image_set.refresh_from_db()
    assert image_set.state == "quarantined"
    with pytest.raises(ValidationError, match="suspected copies of training pictures and nobody has decided"):
        publish_set(image_set=image_set, study=study, view="focused", user=None)
    assert not study.items.filter(attributes__generated=True).exists()
