"""Two people confirm each item's diagnosis, independently of one another."""

from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.models import DiagnosisClass, DiagnosisReview, Item
from imagebank.models.item import REVIEWS_NEEDED


def record_review(*, item: Item, reviewer, diagnosis: DiagnosisClass | None, comment: str = "") -> DiagnosisReview:
    """Record a reviewer's judgement; the same reviewer may change it until the second review is in.

    diagnosis: None when the reviewer can confirm none of the classes. Raises ValidationError for a class of another
    study, for an excluded item, and for a change after both reviews are in (they would no longer be independent).
    """
    if diagnosis is not None and diagnosis.study_id != item.study_id:
        raise ValidationError(f"{diagnosis} is not one of this study's classes.")
    with transaction.atomic():
        item = Item.objects.select_for_update().get(pk=item.pk)
        if item.excluded_at:
            raise ValidationError(f"{item.code} is excluded. Include it again before reviewing it.")
        others = item.reviews.exclude(reviewer=reviewer).count()
        if others >= REVIEWS_NEEDED or (others == REVIEWS_NEEDED - 1 and _is_a_change(item, reviewer, diagnosis)):
            raise ValidationError(f"Both reviews of {item.code} are in and can no longer be changed.")
        review, _ = DiagnosisReview.objects.update_or_create(
            item=item, reviewer=reviewer, defaults={"diagnosis": diagnosis, "comment": comment.strip()}
        )
    return review


def may_judge(*, item: Item, reviewer) -> tuple[bool, bool]:
    """Whether this person may review the item, and whether their judgement may still be another one: once both reviews are
    in each keeps its class, and only a comment can be added."""
    others = item.reviews.exclude(reviewer=reviewer).count()
    has_own = item.reviews.filter(reviewer=reviewer).exists()
    return others < REVIEWS_NEEDED, not (has_own and others == REVIEWS_NEEDED - 1)


def _is_a_change(item: Item, reviewer, diagnosis: DiagnosisClass | None) -> bool:
    own = item.reviews.filter(reviewer=reviewer).first()
    return own is not None and own.diagnosis != diagnosis
