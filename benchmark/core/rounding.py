"""Numbers as a journal prints them; files keep every digit."""

MINUS = "\N{MINUS SIGN}"


def points(value: float | None) -> str:
    """A difference of proportions in points with its sign: +24.6."""
    return "not estimable" if value is None else f"{100 * value:+.1f}".replace("-", MINUS)


def percent(value: float | None) -> str:
    return "not estimable" if value is None else f"{100 * value:.1f}%"


def p_value(p: float | None) -> str:
    if p is None:
        return "p not estimable"
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def number(value: float | None, digits: int = 2) -> str:
    return "not estimable" if value is None else f"{value:.{digits}f}".replace("-", MINUS)
