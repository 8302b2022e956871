"""What the commands of ``python -m models_ml.core`` do: each parses nothing, makes one call, and says what came out."""
