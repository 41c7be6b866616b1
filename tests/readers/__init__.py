"""Independent readings of the dialects: what a chat makes of the markup that relay writes."""
