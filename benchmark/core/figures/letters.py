"""Letters that the figures' own fonts lack, such as Chinese ones: which font of the machine has them, or that none does.

PNG and PDF files carry their letters, so that a font of this machine must have them; a browser that shows a figure has its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from pathlib import Path

OWN_FILES = ("regular.ttf", "bold.ttf")
OWN_FONTS = ("Diptych Figures", "DejaVu Sans")
EAST_ASIAN = {  # the first word of a letter's name in Unicode: whose letters these are, and the region whose forms they take
    "HIRAGANA": ("Japanese", "JP"), "KATAKANA": ("Japanese", "JP"), "HANGUL": ("Korean", "KR"), "BOPOMOFO": ("Chinese", "TC"),
    "CJK": ("Chinese", "SC"), "IDEOGRAPHIC": ("Chinese", "SC"), "FULLWIDTH": ("Chinese", "SC"), "HALFWIDTH": ("Japanese", "JP"),
}  # fmt: skip
EAST_ASIAN_PACKAGE, OTHER_PACKAGE = "fonts-noto-cjk", "fonts-noto-core"
BOX = "\u25a1"
FROM_THE_LEFT = "\u200e"
SHAPELESS = frozenset("\n\r\t\u200b\u200c\u200d\u200e\u200f")
NO_REAL_LETTERS = ("lastresort", "adobeblank", "fallbackfont")  # fonts that answer for every letter with a sign


def font_files() -> list[str]:
    """Every font file of the machine, those installed since matplotlib last looked included."""
    from matplotlib.font_manager import findSystemFonts

    return findSystemFonts()


def families(texts: Iterable[str]) -> list[str]:
    """Names of the fonts that these texts need, the figures' own first."""
    letters = frozenset().union(*texts)
    return [*OWN_FONTS, *_further(_beyond_own(letters))[0]]


def without_font(texts: Iterable[str]) -> str | None:
    """A sentence where letters of these texts stand in no font of this machine; None where all do."""
    lacking = _further(_beyond_own(frozenset().union(*texts)))[1]
    if not lacking:
        return None
    whose = {EAST_ASIAN.get(script, (script.capitalize(), ""))[0] for script in map(_script, lacking)}
    packages = {EAST_ASIAN_PACKAGE if _script(letter) in EAST_ASIAN else OTHER_PACKAGE for letter in lacking}
    several = "s" if len(packages) > 1 else ""
    return (
        f"This machine has no font with the {_listed(whose)} letters of this study: in the figures' PNG and PDF files and in"
        f" report.pdf they are empty boxes. Install the Debian package{several} {_listed(packages)} and analyse again."
    )


def _listed(words: Iterable[str]) -> str:
    *first, last = sorted(words)
    return f"{', '.join(first)} and {last}" if first else last


@lru_cache(maxsize=1)
def know_own_fonts() -> None:
    from matplotlib import font_manager

    for name in OWN_FILES:
        font_manager.fontManager.addfont(resources.files(__package__) / "fonts" / name)


def _beyond_own(letters: frozenset[str]) -> frozenset[str]:
    """Those of the letters that neither the figures' own font has nor, looked into only then, matplotlib's."""
    rest = letters - SHAPELESS
    for name in OWN_FONTS:
        rest = rest and rest - _letters_of(name)
    return rest


@lru_cache(maxsize=2)
def _letters_of(name: str) -> frozenset[str]:
    from matplotlib.font_manager import fontManager, get_font

    know_own_fonts()
    return frozenset(map(chr, get_font(fontManager.findfont(name)).get_charmap()))


def drawable(text: str) -> str:
    """The text as it is drawn: a plain empty box for every letter that no font of the machine has, and running from the left
    on the whole, as a browser runs it, where its first word runs from the right."""
    lacking = _further(_beyond_own(frozenset(text)))[1]
    if lacking:
        text = "".join(BOX if letter in lacking else letter for letter in text)
    if text.isascii():
        return text
    first = next((way for way in map(unicodedata.bidirectional, text) if way in ("L", "R", "AL")), "L")
    return text if first == "L" else f"{FROM_THE_LEFT}{text}"


def _script(letter: str) -> str:
    """The first word of a letter's name in Unicode, such as "DEVANAGARI"; "SPECIAL" for what is no letter."""
    if unicodedata.category(letter)[0] not in "LM":
        return next((script for script in EAST_ASIAN if unicodedata.name(letter, "").startswith(script)), "SPECIAL")
    return unicodedata.name(letter, "special").split()[0].split("-")[0].upper()


@lru_cache(maxsize=256)
def _further(letters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Names of the machine's fonts that have these letters, as few as may be; and those letters that none has."""
    scripts = {_script(letter) for letter in letters}
    names, lacking = [], set(letters)
    for path in _candidates(frozenset(scripts)) if letters else ():
        had = {letter for letter in lacking if _has(path, letter)}
        if had:
            names.append(_name_in(path, scripts))
            lacking -= had
        if not lacking:
            break
    return tuple(names), frozenset(lacking)


@lru_cache(maxsize=64)
def _candidates(scripts: frozenset[str]) -> tuple[str, ...]:
    """Font files, the likeliest first: named after one of the scripts, upright, without serifs."""
    wanted = {"cjk" if script in EAST_ASIAN else script.lower() for script in scripts}

    def rank(path: str) -> tuple:
        name = Path(path).name.lower()
        likely = any(word in name for word in wanted)
        return not likely, "sans" not in name, "regular" not in name, "mono" in name, name

    return tuple(path for path in sorted(font_files(), key=rank) if not any(word in Path(path).name.lower() for word in NO_REAL_LETTERS))


def _has(path: str, letter: str) -> bool:
    font = _opened(path)
    return font is not None and font.get_char_index(ord(letter)) != 0


@lru_cache(maxsize=16)
def _opened(path: str):
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):  # a file that is no font, or one that FreeType cannot read
        return None
    return font if font.scalable else None  # of pictures alone, as those of emoji: matplotlib takes none


def _name_in(path: str, scripts: set[str]) -> str:
    """The family in a font file as matplotlib knows it: of several the one for the region whose letters these are."""
    from matplotlib.font_manager import fontManager

    for file in (path, path.replace("Regular", "Bold")):
        known = any(entry.fname == file for entry in fontManager.ttflist)
        if not known and Path(file).is_file():
            fontManager.addfont(file)
    names = list(dict.fromkeys(entry.name for entry in fontManager.ttflist if entry.fname == path))
    regions = {EAST_ASIAN[script][1] for script in scripts if script in EAST_ASIAN}
    for region in ("JP", "KR", "TC", "SC"):  # Chinese characters are shared; kana and hangul say whose they are
        for name in names:
            if region in regions and name.endswith(region):
                return name
    return names[0]
