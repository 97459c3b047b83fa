"""Objects over time: ``cellwright track``."""
