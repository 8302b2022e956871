"""The one kind of error that a person can put right."""


class InputError(ValueError):
    """What was needed, what was found, what to do: one sentence, shown without a traceback (exit status 2)."""


class Cancelled(RuntimeError):
    """Work stopped because it was asked to; the last complete state is on disk."""


def plain(text: str) -> str:
    """Text out of a file as a message may hold it: what a terminal would obey, or a database not keep, is spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
