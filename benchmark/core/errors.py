"""What is said when the input cannot be analysed."""


class InputError(ValueError):
    """Bad input, told in sentences: what was needed, what was found, what to do."""
