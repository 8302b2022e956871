"""A study's data leaving the house: tables, files and the pages that hand them out."""
