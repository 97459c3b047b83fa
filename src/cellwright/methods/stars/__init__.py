"""Stars: every pixel says how far the outline of its object is along fixed rays."""
