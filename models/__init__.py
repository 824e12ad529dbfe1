"""Images in, interpretable predictions and their evaluation out. Knows arrays only."""
