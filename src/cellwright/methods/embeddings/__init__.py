"""Spatial embeddings: the pixels of an object gather within a bandwidth of its centre."""
