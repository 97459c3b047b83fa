"""Files that tracks come in."""
