"""Many logistic regressions on the same inputs at once, on the CPU or a GPU.

Each minimises scikit-learn's objective, 1/2 |w|^2 + C sum_i s_i loss(t_i, w.x_i + b), with its own targets t
and sample weights s (0 leaves a row out: an unknown answer, a held-out fold). All of them take the steps of
L-BFGS together (Nocedal and Wright 2006, algorithm 7.4). The Hessian of each is close to penalty + (its total
curvature) x (second moments of the inputs), whatever its targets are, so that problems of similar curvature
share one inverse as preconditioner. A step costs two matrix products for all problems, and its length none,
since the logits move along a line.
"""

from models.logistic.design import Design
from models.logistic.fit import fit_logistic

__all__ = ["Design", "fit_logistic"]
