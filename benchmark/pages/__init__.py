"""The pages of this room: each parses, calls one service, presents. Their words, shapes and forms lie beside them."""
