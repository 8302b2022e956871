import pytest

from surveys.core import Design, assemble

from .studies import founding_items


@pytest.fixture(scope="session")
def founding() -> Design:
    """The founding study's 30 surveys, drawn from seed 7."""
    return assemble(founding_items(), per_class=4, sets=6, seed=7)
