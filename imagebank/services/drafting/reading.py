"""How a table of pictures is to be read: which column is what, and what its values mean in the study."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from imagebank.models import Study

ROLES = ("class", "view", "item", "split", "fold", "group")
CLASS_AND_NAME, WHOLE_PATH = "class and file name", "whole path"  # ways to name items that are no columns
LEFT_OUT = ""


@dataclass(frozen=True)
class Words:
    """What values may mean: a study's classes and views as (code, name), in their order."""

    classes: tuple[tuple[str, str], ...]
    views: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, study: Study) -> "Words":
        return cls(
            tuple(study.classes.values_list("code", "name")),
            tuple((view["code"], view["label"]) for view in study.views),
        )


@dataclass(frozen=True)
class Reading:
    """columns: role -> column of the table, absent where nothing says it. classes, views, splits: value -> code; a value
    that is absent or LEFT_OUT brings no picture (splits: no split). view: of all pictures where no column tells it. keep:
    whether further columns of the table go with the pictures."""

    table: str
    columns: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    view: str = ""
    keep: bool = True


def plain(text: str) -> str:
    """Letters and digits alone, without accents and capitals: what two spellings of one word share."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in apart if letter.isalnum())


def meant_by(value: str, words: Sequence[tuple[str, str]]) -> str:
    """The code whose code or name `value` spells, whole or, where one alone fits, in its beginning; or an empty string."""
    given = plain(value)
    if not given:
        return ""
    spelled = {code: (plain(code), plain(name)) for code, name in words}
    for code, spellings in spelled.items():
        if given in spellings:
            return code
    near = [
        code
        for code, (_, name) in spelled.items()
        if min(len(given), len(name)) >= 4 and (name.startswith(given) or given.startswith(name))
    ]
    return near[0] if len(near) == 1 else ""
