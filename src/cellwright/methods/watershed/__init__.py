"""Deep watershed: a learned relief with one hill per object, flooded from its tops."""
