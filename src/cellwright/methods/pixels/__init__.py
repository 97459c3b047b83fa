"""Pixel classes from scribbles: filters at several scales and a random forest."""
