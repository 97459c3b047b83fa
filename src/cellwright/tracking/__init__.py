"""Tracking: which detections of a movie are the same cell, and which are its daughters."""
