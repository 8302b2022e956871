"""Rating studies: what they show, who rates it, and the table of their answers."""
