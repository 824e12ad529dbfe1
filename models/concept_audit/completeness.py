"""How much of what the features tell of the classes the concepts keep (Yeh et al., NeurIPS 2020)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.concept_audit.answer_records import Completeness
from models.concept_audit.estimate import DIGITS
from models.domains import DomainSplit
from models.evaluation.audit import AuditSettings
from models.evaluation.curves import IN_DOMAIN, SHIFTED
from models.evaluation.intervals import interval, shared_weights
from models.evaluation.metrics import divide
from models.evaluation.predictions import Predictions


def completeness(
    split: DomainSplit,
    predictions: Sequence[Predictions],
    *,
    methods: Sequence[str] = ("no_prior", "knobo"),
    reference: str = "linear_probe",
    settings: AuditSettings | None = None,
) -> tuple[Completeness, ...]:
    """Each method in each domain in which the reference is better than chance.

    Yeh et al. take the best head that can be had on the concept scores: of those here, that without a prior
    comes nearest. Above 1 the concepts do better than the features, as they may under shift.
    """
    settings = settings or AuditSettings()
    by_name = {each.method: each for each in predictions if each.split == split.name}
    if reference not in by_name:
        return ()
    domains = ((IN_DOMAIN, split.in_domain), (SHIFTED, split.shifted))
    return tuple(
        found
        for domain, ids in domains
        for method in methods
        if ids and method in by_name
        for found in ratio(split, domain, ids, by_name[method], by_name[reference], settings=settings)
    )


def ratio(
    split: DomainSplit,
    domain: str,
    ids: Sequence[str],
    method: Predictions,
    reference: Predictions,
    *,
    settings: AuditSettings,
) -> Iterator[Completeness]:
    """One method in one domain; nothing where the reference is no better than chance."""
    labels = split.targets(ids)
    weights = shared_weights(split.units(ids), replicates=settings.replicates, seed=settings.seed)
    chance = float(np.bincount(labels).max() / len(labels))
    own, other = (accuracies(each, ids, labels, weights) - chance for each in (method, reference))
    if not other[0] > 0:
        return
    curve = divide(own, other)
    ends = interval(curve[1:], level=settings.level)
    certain = ends.left_out == 0
    yield Completeness(
        split=split.name,
        domain=domain,
        method=method.method,
        reference=reference.method,
        value=round(float(curve[0]), DIGITS),
        low=round(ends.low, DIGITS) if certain else None,
        high=round(ends.high, DIGITS) if certain else None,
        chance=round(chance, 6),
        n=len(ids),
    )


def accuracies(
    predictions: Predictions,
    ids: Sequence[str],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Mean over seeds in each draw, `(b,)`."""
    correct = (predictions.of(ids).argmax(axis=2) == labels).mean(axis=0)
    return divide(weights @ correct, weights.sum(axis=1))
