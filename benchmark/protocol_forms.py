"""What a coordinator gives to the protocol: the world that power is computed in, and the study's record as a file."""

import tempfile
from pathlib import Path

from django import forms
from django.core.exceptions import ValidationError

from benchmark.core.errors import InputError
from benchmark.core.facts import read_facts
from benchmark.forms import PlanningForm
from benchmark.protocol.facts import checked_world

LARGEST_RECORD = 1_000_000
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


class RecordForm(forms.Form):
    """The study's record, facts.toml or .json, from which blanks are filled."""

    record = forms.FileField(
        required=False, label="The study’s record", help_text="facts.toml or .json: funding, ethics, eligibility … Each of its fields fills a blank.",
        widget=forms.FileInput({"class": "form-control", "accept": ".toml,.json"}),
    )  # fmt: skip

    def clean_record(self) -> dict:
        given = self.cleaned_data["record"]
        if given is None:
            return {}
        if given.size > LARGEST_RECORD:
            raise ValidationError(f"A study's record has at most {LARGEST_RECORD:,} bytes; {given.name} has {given.size:,}.")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("facts.json" if given.name.endswith(".json") else "facts.toml")
            path.write_bytes(given.read())
            try:
                return read_facts(path)
            except InputError as error:
                raise ValidationError([error.summary, *map(str, error.problems)]) from error
