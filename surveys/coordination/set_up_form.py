"""A study described in a form: lines for what a study.toml has tables for, and back."""

from collections.abc import Callable, Sequence

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext, override

from imagebank.models import Study
from surveys.coordination.set_up_words import FOLLOWS, HELP, LABELS, WORDS
from surveys.languages import TRANSLATED, translated
from surveys.questions.definition import MOST_CONTROL
from surveys.services.ending.afterwards import LONGEST_ISSUER
from surveys.services.recruiting.letter_words import LONGEST_SUBJECT, check_letter
from surveys.services.setting_up.default_words import ASSISTED, ASSISTED_OR_NOT, CONFIDENCE
from surveys.services.setting_up.demographics import ANALYSIS, COLUMNS, PURPOSES, VERIFICATION, is_only_verified
from surveys.services.setting_up.protocol import SCHEMA, SHOWN_AND_REPEATED, TEXTS

COLOURS = ("ochre", "plum")
CONTROL, SELECT = {"class": "form-control"}, {"class": "form-select"}


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _said(row: dict, second: str) -> str:
    return f"{row['code']}: {row[second]}"


def _coded(line: str, second: str) -> dict:
    """ "BCC: Basal cell carcinoma" as code and name; a name alone makes its own code."""
    code, colon, name = (part.strip() for part in line.partition(":"))
    code, name = (code, name) if colon else (slugify(line)[:50], line)
    if not (code and name):
        raise ValidationError(f'"{line}" needs a code and a name, as in "BCC: Basal cell carcinoma".')
    return {"code": code, second: name}


def _group(line: str) -> dict:
    one, comma, many = (part.strip() for part in line.partition(","))
    if not (one and many):
        raise ValidationError(f'"{line}" needs the word for one and for many, as in "dermatologist, dermatologists".')
    return {"code": slugify(one)[:60] or "readers", "singular": one, "plural": many}


def _about_reader(line: str) -> dict:
    """ "Specialty? * | Surgery; Medicine", "Years in practice? | number | verification only": a star asks for an answer."""
    prompt, *parts = (part.strip() for part in line.split("|"))
    how, purpose = [*parts, "", ""][:2]
    if len(parts) > 2 or purpose.lower() not in ("", *PURPOSES):
        raise ValidationError(f'"{line}" may end, after a second bar, in "{VERIFICATION}" or "{ANALYSIS}" and in nothing else.')
    required = prompt.endswith("*")
    prompt = prompt.rstrip("* ")
    code = slugify(prompt)[:50].strip("-") or "question"
    row = {"code": f"{code}-stated" if code in COLUMNS else code, "prompt": prompt, "required": required} | _answered(line, how, parts)
    return row | ({"purpose": purpose.lower()} if purpose else {})


def _answered(line: str, how: str, parts: Sequence[str]) -> dict:
    """What counts as an answer: free text, a number, or one of the choices."""
    if how.lower() in ("number", "text"):
        return {"kind": {"number": "integer", "text": "text"}[how.lower()]}
    choices = [choice.strip() for choice in how.split(";") if choice.strip()]
    if parts and len(choices) < 2:
        raise ValidationError(f'"{line}" needs two choices or more after the bar, parted by semicolons, or "number", or "text".')
    return {"kind": "choice", "choices": choices} if choices else {"kind": "text"}


def _about_reader_said(row: dict) -> str:
    purpose = f" | {VERIFICATION}" if is_only_verified(row) else ""
    how = {"choice": "; ".join(row.get("choices", ())), "integer": "number"}.get(row.get("kind"), "text" if purpose else "")
    return f"{row['prompt']}{' *' if row.get('required') else ''}{f' | {how}' if how else ''}{purpose}"


class SetUpForm(forms.Form):
    """What a study.toml says, as fields. `preset` is the study.toml's content; rows that a file says more about keep it."""

    title = forms.CharField(max_length=200)
    slug = forms.SlugField(max_length=50, required=False)
    summary = forms.CharField(required=False, max_length=2000, widget=forms.Textarea({"rows": 2}))
    question = forms.CharField(max_length=300, widget=forms.Textarea({"rows": 2}))  # on a phone one line cuts it
    classes = forms.CharField(max_length=20000, widget=forms.Textarea({"rows": 7}))
    views = forms.CharField(max_length=2000, widget=forms.Textarea({"rows": 2}))
    confidence = forms.BooleanField(required=False)
    assisted = forms.BooleanField(required=False)
    control = forms.IntegerField(required=False, min_value=0, max_value=int(100 * MOST_CONTROL))
    groups = forms.CharField(max_length=4000, widget=forms.Textarea({"rows": 3}))
    about_you = forms.CharField(required=False, max_length=10000, widget=forms.Textarea({"rows": 3}))
    per_class = forms.IntegerField(min_value=1, max_value=1000)
    sets = forms.IntegerField(min_value=1, max_value=1000)
    anchors = forms.CharField(required=False, max_length=4000, widget=forms.Textarea({"rows": 1}))
    repeats = forms.DecimalField(required=False, min_value=0, max_value=50, max_digits=3, decimal_places=1)
    threshold = forms.DecimalField(min_value=0, max_value=100, max_digits=4, decimal_places=1)
    days = forms.IntegerField(min_value=1, max_value=3650)
    allow_blank = forms.BooleanField(required=False)
    zoom = forms.BooleanField(required=False)
    debrief = forms.BooleanField(required=False)
    certificate_issuer = forms.CharField(required=False, max_length=LONGEST_ISSUER)
    language = forms.ChoiceField(choices=TRANSLATED.items(), widget=forms.Select)
    landing = forms.CharField(max_length=20000, widget=forms.Textarea({"rows": 4}))
    consent = forms.CharField(max_length=20000, widget=forms.Textarea({"rows": 10}))
    instructions = forms.CharField(max_length=20000, widget=forms.Textarea({"rows": 7}))
    practice = forms.CharField(required=False, max_length=20000, widget=forms.Textarea({"rows": 2}))
    break_between_blocks = forms.CharField(required=False, max_length=20000, widget=forms.Textarea({"rows": 3}))
    thanks = forms.CharField(max_length=20000, widget=forms.Textarea({"rows": 3}))
    invitation_subject = forms.CharField(required=False, max_length=LONGEST_SUBJECT)
    invitation_body = forms.CharField(required=False, max_length=20000, widget=forms.Textarea({"rows": 8}))

    # What most studies leave as it is, below a line that opens and names it.
    FOLDED = {
        "summary": "a summary", "control": "a control arm of the second answer", "anchors": "images that every reader sees",
        "repeats": "images shown twice", "practice": "beside the practice image", "break_between_blocks": "between two views",
        "invitation_subject": "subject", "invitation_body": "letter of the invitation",
    }  # fmt: skip
    SECTIONS = (
        ("The study", ("title", "slug", "summary")),
        ("What is asked", ("question", "classes", "views", "confidence", "assisted", "control")),
        ("Who reads, and how much", ("groups", "about_you", "per_class", "sets", "anchors", "repeats")),
        ("Rules", ("threshold", "days", "allow_blank", "zoom")),
        ("Afterwards", ("debrief", "certificate_issuer")),
        ("What readers are told", ("language", *TEXTS)),
    )

    def __init__(self, *args, known: dict | None = None, **kwargs):
        """known: the preset of the study that is being changed; its address stays."""
        self.known = known or {}
        kwargs["initial"] = form_values(known) if known else WORDS
        super().__init__(*args, **kwargs)
        if known:
            del self.fields["slug"]
            spoken = known["study"].get("language", "en")  # a file may name one that the pages have no words in
            self.fields["language"].choices = (TRANSLATED | {spoken: TRANSLATED.get(spoken, spoken)}).items()
        for name, field in self.fields.items():
            field.label, field.help_text = LABELS.get(name, field.label), HELP.get(name, "")
            field.follows = FOLLOWS.get(name, ())
            if not isinstance(field, forms.BooleanField):
                field.widget.attrs |= SELECT if isinstance(field, forms.ChoiceField) else CONTROL

    def sections(self) -> list[tuple[str, list, list, str, bool]]:
        """Title, fields, those that are folded away, what they are about, and whether they stand open: one of them is wrong, or says
        something of its own."""
        found = []
        for title, names in self.SECTIONS:
            fields = [self[name] for name in names if name in self.fields]
            folded = [field for field in fields if field.name in self.FOLDED]
            words = ", ".join(self.FOLDED[field.name] for field in folded)
            is_open = any(field.errors or str(field.value() or "") != str(WORDS.get(field.name) or "") for field in folded)
            found.append((title, [field for field in fields if field not in folded], folded, words, is_open))
        return found

    def _rows(self, name: str, table: str, read: Callable, said: Callable) -> list[dict]:
        """The lines of a field as rows; a line that says what a known row says is that row, whatever else it holds."""
        known = {said(row): row for row in self.known.get(table, [])}
        rows, faults = [], []
        for line in _lines(self.cleaned_data[name]):
            try:
                rows.append(known[line] if line in known else read(line))
            except ValidationError as fault:
                faults += fault.messages
        codes = [row["code"] for row in rows]
        faults += [f'Two lines have the code "{code}".' for code in sorted({c for c in codes if codes.count(c) > 1})]
        if faults:
            raise ValidationError(faults)
        return rows

    def clean_slug(self) -> str:
        """The address; without one the title's, with a number where that is taken."""
        said = self.cleaned_data["slug"]
        if said:
            return said
        stem = slugify(self.cleaned_data.get("title", ""))[:46].strip("-")
        if not stem:
            raise ValidationError("No address can be made from the title; write one.")
        taken = set(Study.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
        return next(slug for slug in (stem, *(f"{stem}-{number}" for number in range(2, 1000))) if slug not in taken)

    def clean_question(self) -> str:
        return " ".join(self.cleaned_data["question"].split())

    def clean_classes(self) -> list[dict]:
        rows = self._rows("classes", "classes", lambda line: _coded(line, "name"), lambda row: _said(row, "name"))
        if len(rows) < 2:
            raise ValidationError("A question needs two classes at least, one in each line.")
        return rows

    def clean_views(self) -> list[dict]:
        return self._rows("views", "views", lambda line: _coded(line, "label"), lambda row: _said(row, "label"))

    def clean_groups(self) -> list[dict]:
        rows = self._rows("groups", "reader_groups", _group, _group_said)
        coloured = [
            row if row in self.known.get("reader_groups", []) else row | {"colour_role": colour}
            for row, colour in zip(rows, COLOURS, strict=False)
        ]
        return coloured + rows[len(COLOURS) :] + [row for row in self.known.get("reader_groups", []) if row.get("kind") == "model"]

    def clean(self) -> dict:
        said = self.cleaned_data
        try:
            check_letter(subject=said.get("invitation_subject", ""), body=said.get("invitation_body", ""))
        except ValidationError as refusal:
            self.add_error("invitation_body", refusal)
        anchors, per_class = said.get("anchors"), said.get("per_class")
        if isinstance(anchors, int) and per_class and anchors >= per_class:
            self.add_error("anchors", f"A survey has {per_class} of every class; at least one of them must be no anchor.")
        if said.get("repeats") and said.get("assisted"):
            self.add_error("repeats", SHOWN_AND_REPEATED)
        if said.get("language", "en") != "en":
            for name in ("question", "consent"):
                if _told(said.get(name, "")) == WORDS[name]:
                    self.add_error(name, "Write this in the language of the readers; here stands what an English study begins with.")
        return said

    def clean_anchors(self) -> int | list[str]:
        """A number of images of each class, or codes of images between commas or in lines."""
        said = self.cleaned_data["anchors"].strip()
        if said.isdecimal() and len(said) < 5:
            return int(said)
        return [code.strip() for code in said.replace("\n", ",").split(",") if code.strip()]

    def clean_about_you(self) -> list[dict]:
        return self._rows("about_you", "demographic_questions", _about_reader, _about_reader_said)

    def left_to_us(self) -> set[str]:
        """Texts left as the form begins with them, in English, by a study of another language: ours in that one stand in."""
        if self.cleaned_data.get("language", "en") not in set(TRANSLATED) - {"en"}:
            return set()
        return {name for name in set(TEXTS) - {"consent"} if _told(self.cleaned_data.get(name, "")) == WORDS.get(name)}

    def preset(self) -> dict:
        """The content of the study.toml that says the same."""
        said = self.cleaned_data
        kept = self.known.get("study", {})
        about = {name: kept[name] for name in ("slug", "nature", "citation") if name in kept}
        about |= {name: said[name] for name in ("slug", "title", "question") if said.get(name)}
        about |= {"summary": _told(said["summary"])} if said["summary"] else {}
        about |= {"language": said["language"], "allow_blank": said["allow_blank"], "zoom": said["zoom"]}
        views = [row["code"] for row in said["views"]]
        known_set = self.known.get("survey_set", {})
        same_views = sorted(known_set.get("block_order", [])) == sorted(views)
        preset = {
            "schema": SCHEMA,
            "study": about,
            "classes": said["classes"],
            "views": said["views"],
            "reader_groups": said["groups"],
            "survey_set": {
                "per_class": said["per_class"],
                "sets": said["sets"],
                "block_order": known_set["block_order"] if same_views else views,
                "view_order_design": known_set.get("view_order_design", "fixed"),
                **({"repeats": float(said["repeats"] / 100)} if said.get("repeats") else {}),
                **({"anchors": said["anchors"]} if said.get("anchors") else {}),
            },
            "completion": {
                "threshold": float(said["threshold"] / 100),
                "comparison": self.known.get("completion", {}).get("comparison", ">"),
            },
            "invitations": {"days": said["days"]},
            "contacts": self.known.get("contacts", {}),
            "afterwards": {name: said[name] for name in ("debrief", "certificate_issuer") if said.get(name)},
            "pictures": self.known.get("pictures", {}),
            "questions": _questions(said, self.known.get("questions", []), kept.get("language", "en")),
            "demographic_questions": said["about_you"],
            "texts": {name: _told(said[name]) for name in TEXTS if said[name].strip() and name not in self.left_to_us()},
        }
        return {name: table for name, table in preset.items() if table}


def _told(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _group_said(row: dict) -> str:
    return f"{row['singular']}, {row['plural']}"


def _questions(said: dict, known: Sequence[dict], was: str) -> list[dict]:
    """The diagnosis and what is asked besides; was: the language in which the known questions are."""
    control = said["control"] or 0
    second = ASSISTED | {"prompt": ASSISTED_OR_NOT if control else ASSISTED["prompt"]}
    further = []
    for words in (CONFIDENCE, second):
        if said[words["kind"]]:
            row = next((row for row in known if row["kind"] == words["kind"]), None)
            kept = row is not None and said["language"] == was
            further.append(_in_our_words(row or words, words, None if kept else translated(said["language"])))
    further = [_with_control(row, control) if row["kind"] == "assisted" else row for row in further]
    return [{"kind": "diagnosis", "prompt": said["question"]}, *further] if further else []


def _in_our_words(row: dict, words: dict, language: str | None) -> dict:
    """A further question in `words` and `language`, None for the one that it is in, where its words are ours; a file's own stay."""

    def spoken(text: str, in_language: str) -> str:
        with override(in_language):
            return gettext(text)

    told = {}
    for name in ("prompt", "low", "high"):
        ours = {words[name]} if name in words else set()
        ours |= {ASSISTED["prompt"], ASSISTED_OR_NOT} if words["kind"] == "assisted" and name == "prompt" else set()
        found = next((code for code in TRANSLATED for text in ours if row.get(name) == spoken(text, code)), None)
        if found is not None:
            told[name] = spoken(words[name], language or found)
    return row | told


def _with_control(row: dict, percent: int) -> dict:
    """The question with this share of control items."""
    row = {name: value for name, value in row.items() if name != "control"}
    return row | ({"control": percent / 100} if percent else {})


def form_values(preset: dict) -> dict:
    """What the form's fields hold for a study that a preset describes."""
    about, drawn = preset["study"], preset.get("survey_set", {})
    people = [row for row in preset.get("reader_groups", []) if row.get("kind", "human") == "human"]
    return {
        "title": about["title"],
        "summary": about.get("summary", ""),
        "question": about.get("question", ""),
        "classes": "\n".join(_said(row, "name") for row in preset["classes"]),
        "views": "\n".join(_said(row, "label") for row in preset["views"]),
        **{kind: any(row["kind"] == kind for row in preset.get("questions", [])) for kind in ("confidence", "assisted")},
        "control": round(100 * next((row.get("control", 0) for row in preset.get("questions", []) if row["kind"] == "assisted"), 0)),
        "groups": "\n".join(_group_said(row) for row in people),
        "about_you": "\n".join(_about_reader_said(row) for row in preset.get("demographic_questions", [])),
        "per_class": drawn.get("per_class", 1),
        "sets": drawn.get("sets", 1),
        "anchors": anchors if isinstance(anchors := drawn.get("anchors", 0), int) else ", ".join(anchors),
        "repeats": f"{100 * drawn.get('repeats', 0):g}",
        "threshold": f"{100 * preset.get('completion', {}).get('threshold', 0.95):g}",
        "days": preset.get("invitations", {}).get("days", WORDS["days"]),
        "allow_blank": about.get("allow_blank", True),
        "zoom": about.get("zoom", True),
        "debrief": preset.get("afterwards", {}).get("debrief", False),
        "certificate_issuer": preset.get("afterwards", {}).get("certificate_issuer", ""),
        "language": about.get("language", "en"),
        **{name: preset.get("texts", {}).get(name, "") for name in TEXTS},
    }


def form_can_say(preset: dict) -> bool:
    """Whether the form, left as it is, says everything that `preset` says: a rating study's questions it cannot."""
    if set(preset) - {
        "schema", "study", "classes", "views", "reader_groups", "survey_set", "completion", "invitations", "contacts",
        "afterwards", "pictures", "questions", "demographic_questions", "texts",
    }:  # fmt: skip
        return False
    form = SetUpForm(form_values(preset), known=preset)
    names = {"landing", "instructions", "thanks", "consent", "question", "groups"}
    for name in names:  # a file may leave them out; the form then asks for them
        form.fields[name].required = False
    return form.is_valid() and form.preset() == preset
