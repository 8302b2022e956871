"""Items of one study shown by another, as rows of its own: what is pictured, and its files, stay the same."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.models import DiagnosisClass, Item, ItemImage, Provenance, Rendition, Study, Truth
from imagebank.models.item import new_public_id

AT_ONCE = 500


def copy_items(*, source: Study, target: Study, codes: Collection[str]) -> int:
    """Give `target` the items of `source` with these codes: class, split, group, pictures, masks and provenance.

    The stored files are shared (they are named by their content, and stay while a row names them); addresses of pictures
    are new ones. Items that `target` has already are left alone; returns how many are new. The classes must be there:
    ValidationError otherwise, and nothing is copied.
    """
    classes = {row.code: row for row in DiagnosisClass.objects.filter(study=target)}
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=target.pk)
        wanted = set(codes) - set(target.items.values_list("code", flat=True))
        items = list(source.items.filter(code__in=wanted).select_related("truth__diagnosis").order_by("code"))
        lacking = {item.truth.diagnosis.code for item in items if hasattr(item, "truth")} - set(classes)
        if lacking:
            raise ValidationError(f"{target.slug} has no class {', '.join(sorted(lacking))}; it has {', '.join(classes)}.")
        truths = {item.code: classes[item.truth.diagnosis.code] for item in items if hasattr(item, "truth")}
        images = list(ItemImage.objects.filter(item__in=items).select_related("item", "provenance").order_by("pk"))
        renditions = list(Rendition.objects.filter(image__in=images))
        copies = {item.pk: _copied(item, study=target) for item in items}
        Item.objects.bulk_create(copies.values(), batch_size=AT_ONCE)
        Truth.objects.bulk_create((Truth(item=copy, diagnosis=truths[copy.code]) for copy in copies.values() if copy.code in truths), AT_ONCE)
        pictures = {row.pk: _copied(row, item=copies[row.item_id], public_id=new_public_id()) for row in images}
        ItemImage.objects.bulk_create(pictures.values(), batch_size=AT_ONCE)
        known = [row.provenance for row in images if hasattr(row, "provenance")]
        Provenance.objects.bulk_create((_copied(row, image=pictures[row.image_id]) for row in known), AT_ONCE)
        Rendition.objects.bulk_create((_copied(row, image=pictures[row.image_id]) for row in renditions), AT_ONCE)
    return len(items)


def _copied(row, **changed):
    """A new row with the values of `row`, but for its key and what is given."""
    values = {field.name: getattr(row, field.name) for field in row._meta.concrete_fields if not field.primary_key}
    return type(row)(**values | changed)
