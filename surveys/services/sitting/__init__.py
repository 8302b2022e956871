"""One reader at one survey: the way through it, pictures, answers and second answers."""
