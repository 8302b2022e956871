"""Which pixels speak for an answer: maps, their scores beside controls, tables and pictures."""
