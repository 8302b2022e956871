"""Who works in a study, and as what: roles are given and taken away here, and accounts are made for newcomers."""

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q

from imagebank.models import Membership, Study

Role = Membership.Role


def give_role(*, study: Study, who: str, role: str) -> Membership:
    """Give the person called `who` (sign-in name or e-mail address) a role in the study; again changes nothing.

    An unknown e-mail address gets an account without a password; its owner chooses one by "Forgotten password". An
    unknown name raises ValidationError, as does an address that several accounts share.
    """
    if role not in Role.values:
        raise ValidationError(f"A role is one of {', '.join(Role.values)}; {role} is none.")
    with transaction.atomic():
        user = _find(who.strip()) or _new_account(who.strip())
        membership, _ = Membership.objects.get_or_create(study=study, user=user, role=role)
    return membership


def take_role(*, membership: Membership) -> None:
    """Take the role away. The last coordinator stays: raises ValidationError."""
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=membership.study_id)
        others = Membership.objects.filter(study=membership.study_id, role=Role.COORDINATOR).exclude(pk=membership.pk)
        if membership.role == Role.COORDINATOR and not others.exists():
            raise ValidationError(
                f"{membership.user} is the only coordinator of this study. Make somebody else coordinator first."
            )
        membership.delete()


def _find(who: str) -> User | None:
    found = list(User.objects.filter(Q(username__iexact=who) | Q(email__iexact=who), is_active=True)[:2])
    if len(found) > 1:
        raise ValidationError(f"Several accounts have the address {who}; give the sign-in name instead.")
    return found[0] if found else None


def _new_account(who: str) -> User:
    try:
        validate_email(who)
    except ValidationError:
        raise ValidationError(
            f'Nobody signs in as "{who}". Give the sign-in name of an account, or an e-mail address to make one.'
        ) from None
    user = User(username=who.lower()[:150], email=who.lower())
    user.set_unusable_password()
    user.full_clean()
    user.save()
    return user
