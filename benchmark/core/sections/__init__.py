"""The sections of an analysis: each asks one question of the readings by the methods, and answers in flat records."""
