"""The ground floor's core: plain Python that every room, every other core too, may stand on. No Django, nothing of the house."""
