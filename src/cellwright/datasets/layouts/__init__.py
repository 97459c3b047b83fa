"""One module per way in which people already arrange images and labels."""
