"""Readings as rows of the long table, out of a study and into it."""
