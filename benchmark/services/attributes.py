"""What the image bank knows of a study's items beside their class, as an analysis takes it."""

import re
from collections.abc import Collection

from imagebank.models import Study
from imagebank.tables import csv_text

MOST_VALUES = 12  # of a column in words: more are names of persons, places or files, not kinds of images
# A word of a column's name that says whose image it is, not of what kind: numbers of patients repeat as ages do.
WHOSE = {"id", "ids", "number", "no", "name", "names", "initials", "person", "patient", "patients", "patientid", "case", "caseid", "lesionid",
         "record", "mrn", "birth", "born", "birthday", "birthdate", "dob", "date", "address", "postcode", "zip", "email", "phone"}  # fmt: skip
NO_KIND = {"source_url", "source", "licence", "attribution", "credit", "drawn_by", "generated"}


def item_attributes(study: Study, codes: Collection[str]) -> str | None:
    """attributes.csv of these items: further columns of the manifest that sort images into a few kinds, or are numbers.

    A column that differs between an item's views, that has one value, that names single items, or whose name says that it tells patients
    apart is left out; None where none is left.
    """
    items = dict(study.items.filter(code__in=codes).order_by("code").values_list("code", "attributes"))
    names = sorted({name for known in items.values() for name in known} - NO_KIND)
    names = [name for name in names if not WHOSE.intersection(re.split(r"[^a-z]+", name.lower()))]
    kept = [name for name in names if _tells_kinds([known.get(name, "") for known in items.values()])]
    if not kept:
        return None
    return csv_text(["item", *kept], ([code, *(known.get(name, "") for name in kept)] for code, known in items.items()))


def _tells_kinds(values: list) -> bool:
    given = [str(value).strip() for value in values if not isinstance(value, dict) and str(value).strip()]
    distinct = set(given)
    if not 2 <= len(distinct) <= len(given) / 2 or any(isinstance(value, dict) for value in values):
        return False
    return len(distinct) <= MOST_VALUES or all(map(_is_number, distinct))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
