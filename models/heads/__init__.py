"""Training of linear heads: the loss, its solvers, and the path of lambda."""
