"""Coupled cases: segmentations that compete for the same pixels, decided by linking them."""
