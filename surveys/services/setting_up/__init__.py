"""A study's protocol, its presets, and the drawing of its surveys."""
