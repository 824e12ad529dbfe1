"""A linear map from image features to a text space, in which an image lies near the signs that it shows."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.baselines.interface import ConceptExamples
from models.baselines.parts.once import once
from models.errors import ModelsError
from models.heads.shared import first_weights, one_thread
from models.scaling import Scaling, ScalingKind


@dataclass(frozen=True, slots=True)
class ProjectionSettings:
    """How the map is trained.

    Attributes:
        margin: Cosine from which an image with the sign is near enough; the paper's.
        epochs, batch, learning_rate, decay: Of Adam; the paper fine-tunes CLIP, at a rate of 1e-6. Here a new
            layer is learnt: 1e-2 gave the lowest loss on images held out, of 1e-5 to 1e-2.
        held_out: Share of the images that chooses the epoch, as in the paper's code.
        patience: Epochs without a lower loss on them after which it ends.
    """

    margin: float = 0.6
    epochs: int = 20
    batch: int = 64
    learning_rate: float = 1e-2
    decay: float = 1e-6
    held_out: float = 0.1
    patience: int = 3


@dataclass(frozen=True, slots=True)
class Projections:
    """One map a seed.

    Attributes:
        weight: `(s, t, d) float32`.
        scaling: Of the features.
        epoch: `(s,)` the epoch kept, from 1; 0 where none was better than the first weights.
        held_out_loss: `(s,)` at that epoch.
    """

    weight: NDArray[np.float32]
    scaling: Scaling
    epoch: tuple[int, ...]
    held_out_loss: tuple[float, ...]

    def apply(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """From `features (n, d)` to `(s, n, t)` of length 1."""
        placed = self.scaling.apply(features).astype(np.float32) @ self.weight.transpose(0, 2, 1)
        length = np.linalg.norm(placed, axis=2, keepdims=True)
        return np.asarray(placed / np.where(length > 0, length, 1))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Images, concepts, and how much each answer counts.

    Attributes:
        inputs: `(m, d)` scaled features.
        text: `(c, t)` of length 1.
        yes, no: `(m, c)` weights; an unknown answer has 0 in both.
    """

    inputs: Tensor
    text: Tensor
    yes: Tensor
    no: Tensor

    def loss(self, weight: Tensor, rows: Tensor, *, margin: float) -> Tensor:
        """Mean over the answers of `rows`."""
        near = functional.normalize(self.inputs[rows] @ weight.T, dim=1) @ self.text.T
        lost = margin_loss(near, self.yes[rows], self.no[rows], margin=margin)
        return lost / (self.yes[rows].sum() + self.no[rows].sum())


def margin_loss(near: Tensor, yes: Tensor, no: Tensor, *, margin: float) -> Tensor:
    """Sum of yes x max(0, margin - cosine) + no x cosine (KnoBo, appendix; the second term has no floor)."""
    return (yes * (margin - near).clamp(min=0) + no * near).sum()


@once(capacity=4)
def learn_projections(
    examples: ConceptExamples,
    text: NDArray[np.float32],
    *,
    seeds: tuple[int, ...],
    settings: ProjectionSettings,
) -> Projections:
    """One map a seed, which draws the first weights, the order of the images and those held out.

    Within each concept yes and no count alike and as much as the rarer one has images: what the paper's code
    draws, all of it weighed.

    Args:
        examples: Images with answers.
        text: `(c, t)` vectors of the questions, in the order of the answers.
        seeds: `(s,)`.
        settings: Of the training.
    """
    if len(text) != len(examples.concept_ids):
        raise ModelsError(
            f"there are {len(text)} text vectors for {len(examples.concept_ids)} concepts; give one a concept"
        )
    scaling = Scaling.fit(ScalingKind.STANDARD, examples.features)
    yes, no = balanced(examples.answers)
    pairs = Pairs(
        inputs=torch.from_numpy(scaling.apply(examples.features).astype(np.float32)),
        text=functional.normalize(torch.from_numpy(np.asarray(text, dtype=np.float32)), dim=1),
        yes=torch.from_numpy(yes),
        no=torch.from_numpy(no),
    )
    with one_thread():
        learnt = [learn_one(pairs, seed=seed, settings=settings) for seed in seeds]
    weights, epochs, losses = zip(*learnt, strict=True)
    return Projections(np.stack([each.numpy() for each in weights]), scaling, epochs, losses)


def balanced(answers: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights `(m, c)` of each yes and no: the rarer answer 1, the other as much in sum, unknown 0."""
    yes, no = (side.astype(np.float32) for side in (answers >= 0.5, answers < 0.5))
    counts = yes.sum(axis=0), no.sum(axis=0)
    rarer = np.minimum(*counts)
    return yes * rarer / np.maximum(counts[0], 1), no * rarer / np.maximum(counts[1], 1)


def learn_one(pairs: Pairs, *, seed: int, settings: ProjectionSettings) -> tuple[Tensor, int, float]:
    """Weights `(t, d)` of the best epoch, that epoch, and its loss on the images held out."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(pairs.inputs), generator=generator)
    held, train = order.tensor_split([round(settings.held_out * len(order))])
    start, _ = first_weights(
        [generator], classes=pairs.text.shape[1], width=pairs.inputs.shape[1], bias=False
    )
    weight = start[0].requires_grad_()
    adam = torch.optim.Adam([weight], lr=settings.learning_rate, weight_decay=settings.decay)
    best, kept, chosen = held_loss(pairs, weight, held, settings=settings), weight.detach().clone(), 0
    for epoch in range(1, settings.epochs + 1):
        shuffled = train[torch.randperm(len(train), generator=generator)]
        for rows in torch.split(shuffled, settings.batch):
            adam.zero_grad()
            pairs.loss(weight, rows, margin=settings.margin).backward()  # type: ignore[no-untyped-call]
            adam.step()
        lost = held_loss(pairs, weight, held, settings=settings)
        if lost < best:
            best, kept, chosen = lost, weight.detach().clone(), epoch
        elif epoch - chosen >= settings.patience:
            break
    return kept, chosen, best


def held_loss(pairs: Pairs, weight: Tensor, held: Tensor, *, settings: ProjectionSettings) -> float:
    """Of the images held out."""
    with torch.no_grad():
        return float(pairs.loss(weight, held, margin=settings.margin))
