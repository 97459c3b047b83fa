"""Boxes: pixels near the middle of an object say what it is and where its box ends."""
