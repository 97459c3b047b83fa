"""Cellwright: deep learning for microscopy images, as routine as a BLAST search."""

__version__ = "0.1.0"
