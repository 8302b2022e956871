"""What a coordinator gives to the protocol: the world that power is computed in, and the study's record as a file."""

from django import forms

from benchmark.pages.forms import PlanningForm
from benchmark.protocol.facts import checked_world
from benchmark.services.record import taken_from_file

PER_CENT = ("accuracy", "difference")
NAMES = {"accuracy": "accuracy_readers"}


class AssumedForm(forms.Form):
    """The five numbers of the planning page; one that is left out keeps what the planning begins with."""

    accuracy = PlanningForm.base_fields["accuracy"]
    difference = PlanningForm.base_fields["difference"]
    sd_reader = PlanningForm.base_fields["sd_reader"]
    sd_item = PlanningForm.base_fields["sd_item"]
    correlation = PlanningForm.base_fields["correlation"]

    def __init__(self, data=None, **kwargs):
        filled = {name: field.initial for name, field in self.base_fields.items()}
        filled |= {name: value for name, value in (data or {}).items() if name in filled}
        super().__init__(filled, **kwargs)

    def clean(self):
        values = super().clean()
        if not self.errors:
            checked_world(_as_shares(values))
        return values

    def assumed(self) -> dict[str, float]:
        """As shares, by the names that the facts have; nothing where the form is wrong."""
        return _as_shares(self.cleaned_data) if self.is_valid() else {}


def _as_shares(values: dict) -> dict[str, float]:
    return {NAMES.get(name, name): value / 100 if name in PER_CENT else value for name, value in values.items()}


class RecordFileForm(forms.Form):
    """The study's record, facts.toml or .json, from which blanks are filled."""

    record = forms.FileField(
        required=False, label="The study’s record", help_text="facts.toml or .json: funding, ethics, eligibility … Each of its fields fills a blank.",
        widget=forms.FileInput({"class": "form-control", "accept": ".toml,.json"}),
    )  # fmt: skip

    def clean_record(self) -> dict:
        given = self.cleaned_data["record"]
        return {} if given is None else taken_from_file(given)
