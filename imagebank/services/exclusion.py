"""Take an item out of use, with a reason, and back in. Its pictures and its history stay."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from imagebank.models import Item

from .splits import hold_split


def exclude_item(*, item: Item, reason: str) -> Item:
    """Exclude the item; a new reason replaces the old one, the date stays. Raises ValidationError without a reason."""
    reason = reason.strip()
    longest = Item._meta.get_field("exclusion_reason").max_length
    if not reason or len(reason) > longest:
        raise ValidationError(f"An exclusion needs a reason of 1 to {longest} characters; this one has {len(reason)}.")
    with transaction.atomic():
        hold_split(item.study)  # a draw of the split asks who is in use, and acts on it
        item.exclusion_reason = reason
        item.excluded_at = item.excluded_at or timezone.now()
        item.save(update_fields=["exclusion_reason", "excluded_at"])
    return item


def include_item(*, item: Item) -> Item:
    """Take an excluded item back into use."""
    with transaction.atomic():
        hold_split(item.study)
        item.exclusion_reason, item.excluded_at = "", None
        item.save(update_fields=["exclusion_reason", "excluded_at"])
    return item
