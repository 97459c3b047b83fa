"""Places of objects: ``cellwright detect``."""
