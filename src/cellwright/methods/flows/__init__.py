"""Flows: every pixel moves along a predicted field to where the pixels of its object gather."""
