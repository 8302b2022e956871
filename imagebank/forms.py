"""What people type or upload in the image bank."""

from django import forms

from imagebank.models import Item, ReviewState, Study

ANY = ("", "All")


class ItemFilterForm(forms.Form):
    """Which items to show. Without the right to see truth there is no choice of class."""

    search = forms.CharField(required=False, max_length=100, widget=forms.TextInput(attrs={"type": "search"}))
    diagnosis = forms.ChoiceField(required=False, label="Class")
    view = forms.ChoiceField(required=False)
    split = forms.ChoiceField(required=False, choices=[ANY, *Item.Split.choices])
    review = forms.ChoiceField(required=False)
    excluded = forms.ChoiceField(
        required=False, label="In use", choices=[("", "In use"), ("only", "Excluded"), ("both", "Both")]
    )

    def __init__(self, data, *, study: Study, sees_truth: bool):
        super().__init__(data)
        self.fields["view"].choices = [ANY, *((view["code"], view["label"]) for view in study.views)]
        if sees_truth:
            self.fields["diagnosis"].choices = [ANY, *study.classes.values_list("code", "name")]
            self.fields["review"].choices = [ANY, *ReviewState.choices]
        else:  # whether two reviews agree with the reference would tell what the reference is
            del self.fields["diagnosis"], self.fields["review"]
        for field in self.fields.values():
            chosen = isinstance(field, forms.ChoiceField)
            field.widget.attrs["class"] = "form-select" if chosen else "form-control"


class ImportForm(forms.Form):
    """A ZIP of pictures, with manifest.csv at its top or without."""

    archive = forms.FileField(
        label="ZIP of pictures", widget=forms.FileInput(attrs={"accept": ".zip", "class": "form-control"})
    )

    def clean_archive(self):
        archive = self.cleaned_data["archive"]
        if not archive.name.lower().endswith(".zip"):
            raise forms.ValidationError(f"Choose a ZIP file; {archive.name} is none.")
        return archive


class ReviewForm(forms.Form):
    """One reviewer's judgement: a class, or in so many words that none of them can be confirmed. Nothing is preset."""

    NONE = "none of these can be confirmed"

    diagnosis = forms.ChoiceField(
        widget=forms.Select(attrs={"class": "form-select"}),
        error_messages={"required": "Choose a class, or that none of these can be confirmed."},
    )
    comment = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3, "class": "form-control"})
    )

    def __init__(self, data=None, *, study: Study, **options):
        super().__init__(data, **options)
        self.classes = {diagnosis.code: diagnosis for diagnosis in study.classes.all()}
        named = [(code, diagnosis.name) for code, diagnosis in self.classes.items()]
        self.fields["diagnosis"].choices = [("", "Choose"), *named, (self.NONE, self.NONE.capitalize())]

    def hold_diagnosis(self) -> None:
        """Offer the class that was judged and no other."""
        field = self.fields["diagnosis"]
        field.choices = [choice for choice in field.choices if choice[0] == self.get_initial_for_field(field, "diagnosis")]

    def clean_diagnosis(self):
        """The class, or None where none can be confirmed."""
        return self.classes.get(self.cleaned_data["diagnosis"])


class ExclusionForm(forms.Form):
    """Why an item is taken out of use."""

    reason = forms.CharField(max_length=300, widget=forms.TextInput(attrs={"class": "form-control"}))
