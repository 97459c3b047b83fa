"""Links and divisions told by a small network that learned from tracked movies."""
