"""One order and one set of colours for every figure, safe for colour-blind readers (after Okabe and Ito)."""

TEAL, OCHRE, PLUM = "#00786f", "#b87a00", "#8a3b6e"
CLASSIFIER_LINE = "#c0392b"  # the paper's red line
FURTHER = ("#0072b2", "#d55e00", "#56b4e9", "#5a6b2a", "#666666")


def colour_of(group: str, document: dict) -> str:
    """Teal for networks; ochre, plum, then a fixed list for groups of people in the order of the results."""
    people = list(dict.fromkeys(r["group"] for r in document["accuracy"] if r["kind"] == "human"))
    if group not in people:
        return TEAL
    colours = (OCHRE, PLUM, *FURTHER)
    return colours[people.index(group) % len(colours)]


def in_words(code: str) -> str:
    return code.replace("-", " ").replace("_", " ")
