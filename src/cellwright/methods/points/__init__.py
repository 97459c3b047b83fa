"""Points: spots and other objects that are told by their position alone."""
