"""How right tracks are."""
