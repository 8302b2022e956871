"""The report: one self-contained HTML page, readable by a clinician and complete enough for a referee."""
