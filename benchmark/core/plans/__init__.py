"""The analysis plan, what changed in it, and where an analysis departs from it."""
