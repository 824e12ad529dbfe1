"""How far what was learnt follows the prior's signs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.concept_audit.bank_records import PriorAgreement
from models.concept_audit.estimate import rounded
from models.concept_audit.importance import cosine, mean_weights

DEALT = 200  # times the signs are dealt to other concepts


def prior_agreement(split: str, heads: Sequence[KnoBo], *, seed: int = 0) -> tuple[PriorAgreement, ...]:
    """Each class of a head, by the mean of its weights over the seeds, one head a seed."""
    weights = mean_weights(heads)
    generator = np.random.default_rng(seed)
    return tuple(
        of_class(split, name, weights[row], heads[0].prior[row].astype(np.float64), generator)
        for row, name in enumerate(heads[0].classes)
    )


def of_class(
    split: str,
    name: str,
    weights: NDArray[np.float64],
    prior: NDArray[np.float64],
    generator: np.random.Generator,
) -> PriorAgreement:
    """One row of a head, `weights (c,)` with `prior (c,)`."""
    signed = np.flatnonzero(prior)
    own, signs = weights[signed], np.sign(prior[signed])
    dealt = [weighted_agreement(own, generator.permutation(signs)) for _ in range(DEALT)]
    return PriorAgreement(
        split=split,
        class_name=name,
        n=len(signed),
        agreeing=int((own * signs > 0).sum()),
        weighted=rounded(weighted_agreement(own, signs)),
        cosine=rounded(cosine(np.tanh(weights), prior)),
        chance=rounded(float(np.mean(dealt))),
    )


def weighted_agreement(weights: NDArray[np.float64], signs: NDArray[np.float64]) -> float:
    """Share of the sum of |weights| that has the sign; nan where all are 0."""
    total = float(np.abs(weights).sum())
    return float(np.abs(weights[weights * signs > 0]).sum()) / total if total > 0 else float("nan")
