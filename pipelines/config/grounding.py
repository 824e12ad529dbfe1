"""Concept detectors."""

from pipelines.config.section import Section


class GroundingSection(Section):
    """One detector a concept."""

    datasets: tuple[str, ...]
    """Data sets with reports or expert columns; none of their patients is in a split."""
    C: float = 0.001
    """Inverse strength of the penalty on standardised features (1 in the paper, on features of length 1)."""
    folds: int = 5
    """Of the cross-validation."""
    keep: int = 150
    """Keep the best, by the lower end of the AUROC interval."""
    minimum_auroc: float = 0.5
    """And only those whose interval lies above."""
