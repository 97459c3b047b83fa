"""Three classes of pixels: background, inside, boundary; an object is a connected inside."""
