"""What the commands of ``python -m models_ml.core`` do: each parses nothing, makes one call, and says what came out and what
may follow."""

import shlex


def suggest(*words: object) -> None:
    """The command that usually follows, ready to be copied."""
    print(f"Next: python -m models_ml.core {shlex.join(map(str, words))}")
