"""The audit: every method on every split and domain, with intervals, paired tests and checks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One number.

    Attributes:
        method: `knobo`, `linear_probe`, `fine_tune`, `no_prior`, `random_prior`, `prior_only` or
            `random_concepts`.
        split: Name of the split, or `mean` over the splits that enter the mean.
        domain: `in_domain`, `shifted`, `gap` (in_domain minus shifted) or `average` (their mean).
        metric: `accuracy`, `balanced_accuracy` or `auroc`.
        value: Mean over the seeds on all images of the domain.
        low, high: 95 % bootstrap interval (patients where known, else images).
        n: Images in the domain.
        seeds: Seeds behind the value.
    """

    method: str
    split: str
    domain: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    seeds: int


@dataclass(frozen=True, slots=True)
class PairedTest:
    """`method` minus `reference` on the same images.

    Attributes:
        method, reference, split, domain, metric: What is compared.
        difference: Of the means over seeds.
        low, high: 95 % paired bootstrap interval.
    """

    method: str
    reference: str
    split: str
    domain: str
    metric: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All that the audit found.

    Attributes:
        rows: In the order method, split, domain, metric.
        paired: KnoBo against each other method.
        checks: `(split, name, passed, message)`.
        notes: Sentences a reader must know, e.g. that a baseline ran with one seed only.
    """

    rows: tuple[AuditRow, ...]
    paired: tuple[PairedTest, ...]
    checks: tuple[tuple[str, str, bool, str], ...]
    notes: tuple[str, ...]
