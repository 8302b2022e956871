"""The one exception for input that cannot be used; its text is a sentence for the person who gave the input."""


class CoreError(ValueError):
    """What was needed, what was found, what to do. Doors show the text; nothing was changed when it is raised."""


class Cancelled(CoreError):
    """Work was stopped on request; what was finished is kept and the same call continues from there."""


def complain(what: str, problems: list[str], *, shown: int = 20) -> None:
    """Raise one CoreError that lists all problems (the first ``shown`` in words, the rest as a count); none: return."""
    if not problems:
        return
    rest = len(problems) - shown
    more = f"\n  ... and {rest} more of the same kind" if rest > 0 else ""
    raise CoreError(f"{what}\n" + "\n".join(f"  {line}" for line in problems[:shown]) + more)
