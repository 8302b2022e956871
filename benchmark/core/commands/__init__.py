"""`python -m benchmark.core`: parse, one call, one sentence when something is wrong."""
