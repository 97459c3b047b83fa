"""Objects without a network: background, threshold, seeds, watershed; the honest baseline."""
