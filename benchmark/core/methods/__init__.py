"""Statistics alone: estimators, tests and intervals on arrays, each with its source. They know no study and no file."""
