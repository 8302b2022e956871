"""The page on which a coordinator gives and takes the roles of a study."""

from allauth.account.forms import ResetPasswordForm
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from imagebank.models import Membership
from imagebank.permissions import Role, allowed_in_archive, require_role
from imagebank.services.members import give_role, take_role

DUTIES = {
    Role.COORDINATOR: "Imports images, draws surveys, invites readers, gives roles.",
    Role.ANALYST: "Compares people and networks, downloads results.",
    Role.REVIEWER: "Reviews the diagnosis of each image without seeing its class.",
    Role.ENGINEER: "Trains and explains networks, makes generated images.",
}


class RoleForm(forms.Form):
    """Who gets which role."""

    who = forms.CharField(
        label="Sign-in name or e-mail address",
        max_length=254,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off", "autocapitalize": "none"}),
    )
    role = forms.ChoiceField(choices=Role.choices, widget=forms.Select(attrs={"class": "form-select"}))


@require_http_methods(["GET", "POST"])
@require_role(Role.COORDINATOR)
@allowed_in_archive
def people(request: HttpRequest, slug: str) -> HttpResponse:
    """Everybody with a role; a form that gives one."""
    form = RoleForm(request.POST or None)
    if form.is_valid():
        try:
            membership = give_role(study=request.study, **form.cleaned_data)
        except ValidationError as refusal:
            form.add_error("who", refusal)
        else:
            messages.success(request, _welcome(request, membership))
            return redirect("imagebank:people", slug)
    members = request.study.members.select_related("user").order_by("user__username", "role")
    duties = [(Role(role).label, duty) for role, duty in DUTIES.items()]
    context = {"study": request.study, "form": form, "members": members, "duties": duties}
    return render(request, "imagebank/people.html", context, status=400 if form.is_bound else 200)


@require_POST
@require_role(Role.COORDINATOR)
@allowed_in_archive
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    membership = get_object_or_404(Membership, study=request.study, pk=pk)
    try:
        take_role(membership=membership)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, f"{membership.user} is no longer {membership.get_role_display().lower()}.")
    return redirect("imagebank:people", slug)


def _welcome(request: HttpRequest, membership: Membership) -> str:
    """Send somebody without a password the letter in which to choose one; say what was done."""
    user, role = membership.user, membership.get_role_display().lower()
    if user.has_usable_password() or not user.email:
        return f"{user} is {role} of this study."
    letter = ResetPasswordForm({"email": user.email})
    if letter.is_valid():
        letter.save(request)
    return f"{user} is {role} of this study. A letter to {user.email} says how to choose a password."
