"""Objects as a box and a mask within it."""
