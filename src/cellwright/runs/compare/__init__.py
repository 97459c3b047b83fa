"""Several methods under one budget, and a model of the best."""
