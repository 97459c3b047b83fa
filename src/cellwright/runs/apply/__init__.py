"""What models have in common when they are applied to many images."""
