"""A study, and one person for each role in it."""

import pytest
from django.contrib.auth.models import User

from imagebank.models import DiagnosisClass, Item, Membership, Study, Truth


@pytest.fixture
def study(db):
    study = Study.objects.create(
        slug="moles", title="Moles", views=[{"code": "focused", "label": "Focused"}], nature="drawn, not photographs"
    )
    classes = [
        DiagnosisClass.objects.create(study=study, code=code, name=code, position=position)
        for position, code in enumerate(["NF1", "TSC"])
    ]
    for number, diagnosis in enumerate(classes):
        item = Item.objects.create(study=study, code=f"case-{number}", split="test")
        Truth.objects.create(item=item, diagnosis=diagnosis)
    return study


@pytest.fixture
def person(study):
    """`person("analyst")` is somebody with that role in the study; `person()` has none."""

    def make(role: str | None = None) -> User:
        user = User.objects.create_user(role or "stranger", password="a-long-password")
        if role:
            Membership.objects.create(study=study, user=user, role=role)
        return user

    return make
