"""Names of the files that an analysis is made of, as they lie in its folder and in its bundle."""

READINGS, RATINGS = "readings.csv", "ratings.csv"
PLAN, PREDICTIONS = "analysis.toml", "predictions.csv"
READERS = "readers.csv"  # what readers said about themselves, where an analysis may take it
ATTRIBUTES = "attributes.csv"  # what is known of the items beside their class
REGISTERED = "registered.toml"  # the plan as it stood before the first answer, where another one is used
FACTS, DESIGN = "study.json", "design.json"
PICTURES = "pictures"  # a folder: single pictures as raters saw them, or the hardest items of a comparison
STAMP = "stamp"  # among the hashes: the SHA-256 of the plan as it stood before the first answer
INPUTS = (READINGS, RATINGS, READERS, ATTRIBUTES, PLAN, REGISTERED, PREDICTIONS, FACTS, DESIGN, PICTURES)
