"""study.toml as somebody sent it. `benchmark.core.untrusted_toml` guards what the cores read in the same way; no core may
import from here, and nothing here from a core."""

import tomllib

from django.core.exceptions import ValidationError

MOST_DOTS = 500  # in one line: a key of very many names asks its parser for the square of its length in memory


def read_sent_toml(data: bytes | str, *, name: str) -> dict:
    """The tables of a TOML text. What is none, or nests without end, raises ValidationError."""
    try:
        text = data if isinstance(data, str) else data.decode()
        if line := next((n for n, line in enumerate(text.split("\n"), 1) if line.count(".") > MOST_DOTS), None):
            raise ValidationError(f"{name} has more than {MOST_DOTS} dots in line {line}; break it into several.")
        return tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValidationError(f"{name} is not valid TOML: {error}.") from error
    except RecursionError as error:
        raise ValidationError(f"{name} nests deeper than any such file needs to.") from error
