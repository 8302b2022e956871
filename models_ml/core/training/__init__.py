"""One loop for every fold, what it is made of, and what a run leaves behind."""
