"""A manifest for pictures that have none: read from the folders they lie in, from their names, or from a table that lies
beside them under columns of its own. `found` lists what is there, `reading` says what is what, `guessing` makes a first
reading, `composing` writes the manifest. Nothing is imported here, and no picture is opened."""
