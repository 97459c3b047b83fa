"""Pixel classes: every pixel belongs to the background or to one of several classes."""
