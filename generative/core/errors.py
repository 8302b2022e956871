"""The one kind of error that a person can put right."""


class InputError(ValueError):
    """What was needed, what was found, what to do: one sentence, shown without a traceback (exit status 2)."""


class Cancelled(RuntimeError):
    """Work stopped because it was asked to; the last complete state is on disk."""
