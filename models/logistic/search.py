"""The steps of L-BFGS for many logistic regressions together."""

from collections import deque

import torch
from torch import Tensor

from models.logistic.preconditioner import Preconditioners

MEMORY = 6  # pairs of steps and gradient changes that L-BFGS keeps
TRIES = 30  # of the length of a step
FLAT = 0.2  # a step is long enough where the slope along it has fallen to this share
SETTLED = 0.1  # share of the last step below which the bias is left as it is
SLOWEST = 0.99  # quotient of two sizes beyond which the series of steps is taken to end after all

NOISE = 100.0  # times the rounding of a product below which a pair says nothing of the curvature
STATE = ("targets", "weights", "place", "logits", "gradient", "direction")
MEASURED = ("chosen", "curvature", "size", "ratio", "former")


class Search:
    """The state of `p` problems.

    Attributes:
        place: `(p, d + 1)` coefficients.
        logits: `(p, n)`.
        gradient, direction: `(p, d + 1)`.
        chosen: `(p,)` preconditioner that each uses.
        curvature: `(p,)` weights of the loss's second derivative, summed.
        size: `(p,)` of the direction: its largest entry, or what it adds to a typical logit if that is more.
        ratio, former: `(p,)` quotient of the last two sizes, and of the two before.
    """

    def __init__(
        self, inputs: Tensor, targets: Tensor, weights: Tensor, *, shared: Preconditioners, start: Tensor
    ) -> None:
        """At `start (p, d + 1)`, with `inputs (n, d + 1)`, `targets` and `weights` `(p, n)`."""
        self.inputs, self.targets, self.weights, self.shared = inputs, targets, weights, shared
        self.penalty = torch.ones(inputs.shape[1], dtype=inputs.dtype, device=inputs.device)
        self.penalty[-1] = 0
        self.pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=MEMORY)
        self.place = start
        self.logits = start @ inputs.T if start.any() else torch.zeros_like(targets)
        chances = torch.sigmoid(self.logits)
        self.curvature = total(chances - chances.square(), weights)
        self.chosen = self.shared.choose(self.curvature)
        self.gradient = self.slopes(chances.sub_(targets).mul_(weights))
        self.direction = -self.shared.solve(self.gradient, self.chosen)
        self.size = self.measure()
        self.ratio = self.former = torch.ones_like(self.size)

    def slopes(self, residuals: Tensor) -> Tensor:
        """Gradient `(p, d + 1)` by the slope of the loss in each logit, `(p, n)`."""
        return torch.addcmul(residuals @ self.inputs, self.place, self.penalty)

    def measure(self) -> Tensor:
        """Size `(p,)` of the direction; by Newton's decrement for the logits, in root mean square."""
        decrement = -total(self.gradient, self.direction)
        logits = (decrement.clamp_min(0) / self.curvature.clamp_min(torch.finfo(decrement.dtype).tiny)).sqrt()
        return torch.maximum(self.direction.abs().amax(dim=1), logits)

    def error(self) -> Tensor:
        """Expected distance from the optimum after the next full step, `(p,)`, measured as `size` is.

        What is left of a geometric series that falls as slowly as the slower of the last two steps did.
        """
        ratio = torch.maximum(self.ratio, self.former).clamp(max=SLOWEST)
        return self.size * ratio / (1 - ratio)

    def advance(self) -> None:
        """One step of every problem."""
        along = self.direction @ self.inputs.T
        length, residuals = self.move(along)
        step = length[:, None] * self.direction
        shift, residuals = self.settle(residuals)
        step[:, -1] += shift
        self.place = self.place + step
        gradient = self.slopes(residuals)
        change = gradient - self.gradient
        product = total(step, change)
        usable = product > NOISE * torch.finfo(product.dtype).eps * step.norm(dim=1) * change.norm(dim=1)
        self.pairs.append((step, change, torch.where(usable, 1 / product, torch.zeros_like(product))))
        self.gradient = gradient
        self.direction = self.descent()
        size = self.measure()
        self.former = self.ratio
        self.ratio, self.size = size / self.size.clamp_min(torch.finfo(size.dtype).tiny), size

    def move(self, along: Tensor) -> tuple[Tensor, Tensor]:
        """Moves the logits `along (p, n)`; the length of the step, `(p,)`, and the residuals there, `(p, n)`.

        Newton's method between two lengths that enclose the best one, since each loss is convex in it.
        """
        fixed = total(self.place * self.penalty, self.direction)
        bend = total(self.direction * self.penalty, self.direction)
        first = total(self.gradient, self.direction)
        length, low = torch.ones_like(first), torch.zeros_like(first)
        high = torch.full_like(first, torch.inf)
        for number in range(TRIES):
            logits = torch.addcmul(self.logits, along, length[:, None])
            chances = torch.sigmoid(logits)
            curved = torch.addcmul(chances, chances, chances, value=-1).mul_(self.weights)
            residuals = chances.sub_(self.targets).mul_(self.weights)
            slope = total(residuals, along) + fixed + length * bend
            fine = slope.abs() <= FLAT * first.abs()
            if bool(fine.all()) or number == TRIES - 1:
                break
            low, high = torch.where(slope < 0, length, low), torch.where(slope < 0, high, length)
            curvature = (curved * along).mul_(along).sum(dim=1) + bend
            better = length - slope / curvature.clamp_min(torch.finfo(slope.dtype).tiny)
            inside = (better > low) & (better < high) & (better < 4 * length)
            middle = torch.where(high.isinf(), 2 * length, (low + high) / 2)
            length = torch.where(fine, length, torch.where(inside, better, middle))
        self.logits, self.curvature = logits, curved.sum(dim=1)
        return length, residuals

    def settle(self, residuals: Tensor) -> tuple[Tensor, Tensor]:
        """A step of Newton's method for the bias alone, `(p,)`, where it helps; the residuals there."""
        excess = residuals.sum(dim=1)
        shift = -excess / self.curvature.clamp_min(torch.finfo(excess.dtype).tiny)
        if bool((shift.abs() <= SETTLED * self.size).all()):
            self.chosen = self.shared.choose(self.curvature)
            return torch.zeros_like(shift), residuals
        logits = self.logits + shift[:, None]
        chances = torch.sigmoid(logits)
        curvature = total(chances - chances * chances, self.weights)
        moved = chances.sub_(self.targets).mul_(self.weights)
        better = moved.sum(dim=1).abs() < excess.abs()
        self.logits = torch.where(better[:, None], logits, self.logits)
        self.curvature = torch.where(better, curvature, self.curvature)
        self.chosen = self.shared.choose(self.curvature)
        return shift * better, torch.where(better[:, None], moved, residuals)

    def descent(self) -> Tensor:
        """The two-loop recursion of L-BFGS, for all problems together."""
        result = self.gradient.clone()
        shares = []
        for step, change, inverse in reversed(self.pairs):
            shares.append((inverse * total(step, result))[:, None])
            result.addcmul_(change, shares[-1], value=-1)
        result = self.shared.solve(result, self.chosen)
        for (step, change, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            back = (inverse * total(change, result))[:, None]
            result = torch.addcmul(result, step, share - back)
        return -result

    def keep(self, rows: Tensor) -> None:
        """Drops the finished problems."""
        for name in STATE + MEASURED:
            setattr(self, name, getattr(self, name)[rows])
        self.pairs = deque(((a[rows], b[rows], c[rows]) for a, b, c in self.pairs), maxlen=MEMORY)


def total(one: Tensor, other: Tensor) -> Tensor:
    """Row by row product, `(p,)` from two of `(p, n)`."""
    return (one * other).sum(dim=1)  # einsum would take the rows one by one
