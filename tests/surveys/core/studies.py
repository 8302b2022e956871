"""Lists of items for the assembly tests."""

FOUNDING_CLASSES = ("HMI", "IP", "MA", "ML", "NF1", "Other", "TSC")


def items_of(classes: int, per_class: int) -> dict[str, str]:
    """`classes` classes A, B, ... of `per_class` items each."""
    names = [f"C{number:03d}" for number in range(classes)]
    return {f"{name}-{number:04d}": name for name in names for number in range(1, per_class + 1)}


def founding_items() -> dict[str, str]:
    """The shape of the founding study: 7 classes of 20 items."""
    return {f"{name}-{number:02d}": name for name in FOUNDING_CLASSES for number in range(1, 21)}
