"""Matrix: rooms of a homeserver."""
