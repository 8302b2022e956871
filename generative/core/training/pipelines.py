"""Names of the augmentation pipelines, known without loading torch."""

PIPELINE_NAMES = ("none", "b", "bg", "bgc", "skin")
