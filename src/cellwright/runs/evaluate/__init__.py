"""How right a model or a result is: ``cellwright evaluate``."""
