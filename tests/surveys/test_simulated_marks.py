"""Simulated readers of a study that asks for a region mark one, through the service that pages call."""

import io

import pytest
from django.core.files.base import ContentFile
from PIL import Image

from imagebank.models import ItemImage
from surveys.models import Answer
from surveys.services import simulate_readers
from surveys.services.simulating.marks import largest_lesion
from surveys.services.sitting.answer_log import answer_log_faults
from tests.surveys.study import VIEWS, make_surveyed_study

pytestmark = pytest.mark.django_db
ACCURACIES = {(group, view): 0.8 for group in ("geneticist", "pediatrician") for view in VIEWS}


@pytest.fixture
def study():
    """Masks of a large patch (left half, upper half) and a small one; one view asks for a region."""
    study = make_surveyed_study()
    mask = Image.new("L", (48, 32))
    mask.paste(255, (0, 0, 24, 16))
    mask.paste(255, (40, 28, 44, 30))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    for image in ItemImage.objects.filter(item__study=study, view="focused"):
        image.mask.save(f"mask-{image.pk}.png", ContentFile(buffer.getvalue()))
    study.protocol.questions = [
        {"code": "", "kind": "diagnosis", "prompt": "Which?"},
        {"code": "where", "kind": "region", "prompt": "Where?", "required": False, "blocks": ["focused"]},
    ]
    study.protocol.save()
    return study


def test_marks_lie_around_the_largest_lesion_and_now_and_then_there_is_none(study):
    assert largest_lesion(ItemImage.objects.filter(view="focused").first()) == (0, 0, 0.5, 0.5)
    assert largest_lesion(ItemImage.objects.filter(view="panoramic").first()) is None
    simulate_readers(study=study, seed=3, accuracies=ACCURACIES)
    values = list(Answer.objects.standing().filter(question="where").values_list("value", flat=True))
    assert len(values) == 48  # 8 readers of 6 items, in the view that asks
    assert Answer.objects.standing().filter(question="").count() == 96
    boxes = [mark for value in values for mark in value]
    around = [b for b in boxes if abs(b["x"]) < 0.2 and abs(b["y"]) < 0.2 and abs(b["x"] + b.get("w", 0) - 0.5) < 0.25]
    assert len(around) > len(values) / 2
    assert [] in values
    assert answer_log_faults(study=study) == []


def test_a_second_simulation_with_the_same_seed_marks_the_same(study):
    simulate_readers(study=study, seed=3, accuracies=ACCURACIES)
    marked = Answer.objects.filter(question="where").count()
    simulate_readers(study=study, seed=3, accuracies=ACCURACIES)
    assert Answer.objects.filter(question="where").count() == marked
