"""How reading ends for a study and for a reader: closing, withdrawal, results handed out, names forgotten."""
