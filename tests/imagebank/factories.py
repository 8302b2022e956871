"""One valid row of each kind; a test states only what matters to it."""

import io

import factory
from django.contrib.auth import get_user_model
from PIL import Image

from imagebank.models import DiagnosisClass, Item, ItemImage, Membership, Provenance, Rendition, Study, Truth
from imagebank.services.decoding import decode_image
from imagebank.services.storing import store_bytes

TWO_VIEWS = [{"code": "focused", "label": "focused"}, {"code": "panoramic", "label": "panoramic"}]


def jpeg_bytes(seed: int = 0, size: tuple[int, int] = (48, 36), quality: int = 90, **save) -> bytes:
    """A small real JPEG, different for every seed: coloured blocks, enlarged smoothly."""
    return encoded(blocks(seed, size), "JPEG", quality=quality, **save)


def blocks(seed: int, size: tuple[int, int] = (48, 36)) -> Image.Image:
    """A picture of random coloured blocks, drawn from the seed."""
    import numpy as np

    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)


def encoded(picture: Image.Image, kind: str, **save) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **save)
    return buffer.getvalue()


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda n: f"person-{n}")
    password = factory.django.Password("a long enough password")


class StudyFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Study

    slug = factory.Sequence(lambda n: f"study-{n}")
    title = factory.Sequence(lambda n: f"Study {n}")
    views = factory.LazyFunction(lambda: [dict(view) for view in TWO_VIEWS])


class MembershipFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Membership

    study = factory.SubFactory(StudyFactory)
    user = factory.SubFactory(UserFactory)
    role = Membership.Role.COORDINATOR


class DiagnosisClassFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = DiagnosisClass

    study = factory.SubFactory(StudyFactory)
    position = factory.LazyAttribute(lambda row: row.study.classes.count())
    code = factory.LazyAttribute(lambda row: f"C{row.position}")
    name = factory.LazyAttribute(lambda row: f"Condition {row.position}")


class ItemFactory(factory.django.DjangoModelFactory):
    """An item without pictures. `diagnosis=` gives it a truth: ItemFactory(study=..., diagnosis=some_class)."""

    class Meta:
        model = Item
        skip_postgeneration_save = True

    study = factory.SubFactory(StudyFactory)
    code = factory.Sequence(lambda n: f"item-{n:04d}")
    split = Item.Split.TEST

    @factory.post_generation
    def diagnosis(self, create, given, **kwargs):
        if create and given:
            Truth.objects.create(item=self, diagnosis=given)


class ItemImageFactory(factory.django.DjangoModelFactory):
    """A picture with a real tiny JPEG, its renditions and provenance. `data=` gives other bytes."""

    class Meta:
        model = ItemImage
        skip_postgeneration_save = True

    class Params:
        data = factory.Sequence(lambda n: jpeg_bytes(seed=n))
        decoded = factory.LazyAttribute(lambda row: decode_image(row.data, name="tiny.jpg"))

    item = factory.SubFactory(ItemFactory)
    view = "focused"
    file = factory.LazyAttribute(
        lambda row: store_bytes(folder="images", suffix=row.decoded.clean.suffix, data=row.decoded.clean.data)
    )
    width = factory.LazyAttribute(lambda row: row.decoded.width)
    height = factory.LazyAttribute(lambda row: row.decoded.height)
    original_sha256 = factory.LazyAttribute(lambda row: row.decoded.original_sha256)
    pixel_sha256 = factory.LazyAttribute(lambda row: row.decoded.pixel_sha256)
    perceptual_hash = factory.LazyAttribute(lambda row: row.decoded.perceptual_hash)

    @factory.post_generation
    def renditions_and_provenance(self, create, given, **kwargs):
        if not create:
            return
        Provenance.objects.create(image=self, original_name=f"{self.item.code}.jpg")
        with self.file.open("rb") as file:
            decoded = decode_image(file.read(), name="tiny.jpg")
        for made in decoded.renditions:
            name = store_bytes(folder="renditions", suffix=made.suffix, data=made.data)
            Rendition.objects.create(
                image=self, name=made.name, file=name, width=made.width, height=made.height, sha256=made.sha256
            )


def full_study(*, classes: int = 3, items_per_class: int = 2, views=("focused", "panoramic"), **study) -> Study:
    """A small study with classes, test items with truths, and one tiny picture per item and view."""
    made = StudyFactory(views=[{"code": view, "label": view} for view in views], **study)
    for diagnosis in DiagnosisClassFactory.create_batch(classes, study=made):
        for item in ItemFactory.create_batch(items_per_class, study=made, diagnosis=diagnosis):
            for view in views:
                ItemImageFactory(item=item, view=view)
    return made
