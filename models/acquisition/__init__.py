"""How images were taken: erased from features, balanced in training, and what concepts see of it."""
