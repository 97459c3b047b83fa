"""``cellwright train-scorer``."""
