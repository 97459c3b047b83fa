"""From annotated images to a model: ``cellwright train``."""
