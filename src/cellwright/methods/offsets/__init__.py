"""Centre offsets: every pixel points to the centre of its object."""
