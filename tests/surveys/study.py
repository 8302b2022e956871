"""A small study with surveys: 3 classes of 4 test items, two views, 4 surveys of 6 items, two groups of people."""

import hashlib
import io
from decimal import Decimal

from django.core.files.base import ContentFile
from PIL import Image, PngImagePlugin

from imagebank.models import DiagnosisClass, Item, ItemImage, Provenance, Study, Truth
from surveys.models import ReaderGroup, StudyProtocol, Survey
from surveys.services import create_survey_set

CLASSES = {"ZQA": "Azurosis", "ZQB": "Brunosis", "ZQC": "Cyanosis"}
VIEWS = ("focused", "panoramic")

PRESET = """
schema = "study-preset/1"
[study]
slug = "small"
question = "Which condition?"
[[classes]]
code = "ZQA"
name = "Azurosis"
[[classes]]
code = "ZQB"
name = "Brunosis"
[[classes]]
code = "ZQC"
name = "Cyanosis"
[[views]]
code = "focused"
label = "focused"
[[views]]
code = "panoramic"
label = "panoramic"
[[reader_groups]]
code = "geneticist"
singular = "geneticist"
plural = "geneticists"
[survey_set]
per_class = 2
[texts]
consent = "Voluntary."
[[questions]]
kind = "diagnosis"
prompt = "Which condition?"
"""  # a study.toml of the same classes; further questions and groups are written below it


def picture(seed: str, secret: str) -> bytes:
    """A small PNG of a colour of its own, with a text chunk that must not reach a reader."""
    colour = tuple(hashlib.sha256(seed.encode()).digest()[:3])
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", secret)
    buffer = io.BytesIO()
    Image.new("RGB", (48, 32), colour).save(buffer, "PNG", pnginfo=notes)
    return buffer.getvalue()


def make_study(slug: str = "small", per_class: int = 4) -> Study:
    study = Study.objects.create(
        slug=slug, title="A small study", nature="drawn, not photographs",
        views=[{"code": view, "label": view} for view in VIEWS],
    )  # fmt: skip
    for position, (code, name) in enumerate(CLASSES.items(), start=1):
        diagnosis = DiagnosisClass.objects.create(study=study, code=code, name=name, position=position)
        for number in range(per_class):
            make_item(study, diagnosis, f"case-{code}-{number}")
    return study


def make_item(study: Study, diagnosis: DiagnosisClass, code: str) -> Item:
    item = Item.objects.create(study=study, code=code, split="test")
    Truth.objects.create(item=item, diagnosis=diagnosis)
    for view in VIEWS:
        data = picture(f"{code}{view}", secret=f"secret-{code}")
        image = ItemImage(
            item=item, view=view, width=48, height=32,
            original_sha256=hashlib.sha256(data).hexdigest(), pixel_sha256=hashlib.sha256(data).hexdigest(),
        )  # fmt: skip
        image.file.save(f"file-{code}-{view}.png", ContentFile(data), save=True)
        Provenance.objects.create(image=image, original_name=f"original-{code}.png", source_url="https://secret.test")
    return item


def make_protocol(study: Study, **changes) -> StudyProtocol:
    for position, (code, singular, prefix, kind) in enumerate(
        (
            ("geneticist", "geneticist", "G", "human"),
            ("pediatrician", "pediatrician", "P", "human"),
            ("classifier", "classifier", "C", "model"),
        ),
        start=1,
    ):
        ReaderGroup.objects.create(
            study=study, code=code, singular=singular, plural=f"{singular}s", prefix=prefix, kind=kind,
            position=position,
        )  # fmt: skip
    values = {
        "question": "Which condition is best represented?",
        "view_order": list(VIEWS),
        "per_class": 2,
        "sets": 2,
        "completion_threshold": Decimal("0.95"),
        "demographic_questions": [
            {"code": "specialty", "prompt": "Specialty?", "kind": "choice", "choices": ["Genetics", "Pediatrics"],
             "required": True},
            {"code": "years", "prompt": "Years?", "kind": "integer", "minimum": 0, "maximum": 70},
        ],
        "landing_text": "Please read six cases.",
        "consent_text": "Taking part is voluntary.",
        "instructions_text": "Choose one.",
        "practice_text": "For practice only.",
        "break_text": "Half is done.",
        "thanks_text": "All saved.",
    }  # fmt: skip
    return StudyProtocol.objects.create(study=study, **values | changes)


def make_surveyed_study(slug: str = "small", **protocol) -> Study:
    study = make_study(slug)
    make_protocol(study, **protocol)
    create_survey_set(study=study, seed=7)
    return study


def group(study: Study, code: str = "geneticist") -> ReaderGroup:
    return study.reader_groups.get(code=code)


def survey(study: Study, number: int = 1) -> Survey:
    return Survey.objects.get(survey_set__study=study, number=number)


def make_load_study(readers: int) -> Study:
    """A study with at least one seat for each of `readers` people of two groups: surveys of 27 items in two views."""
    study = make_study("load", per_class=27)
    make_protocol(study, per_class=9, sets=-(-readers // 6))
    create_survey_set(study=study, seed=7)
    return study
