"""Concept detectors."""

from typing import Annotated, Literal

from pydantic import Field

from pipelines.config.section import Section


class GroundingSection(Section):
    """One detector a concept."""

    datasets: tuple[str, ...]
    """Data sets with reports or expert columns; none of their patients is in a split."""
    C: Annotated[float, Field(gt=0)] = 0.001
    """Inverse strength of the penalty on standardised features (1 in the paper, on features of length 1)."""
    scaling: Literal["standard", "center", "unit", "none"] = "standard"
    """Of the features; `unit` gives each image length one, as in the paper."""
    balanced: bool = True
    """Weigh yes and no so that each counts half."""
    equal_size: Annotated[int, Field(ge=1)] | None = None
    """Learn each concept from as many yes as no, drawn by chance, at most so many of each (paper: 1,000)."""
    soft: bool = False
    """Learn the probability of yes that the annotator gave, not its answer."""
    calibration: Literal["none", "platt"] = "none"
    """`platt`: probabilities that agree with held-out answers; the paper has none."""
    minimum: Annotated[int, Field(ge=1)] = 10
    """A concept with fewer yes or fewer no is not grounded."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Of the cross-validation."""
    keep: Annotated[int, Field(ge=1)] = 150
    """Keep the best, by the lower end of the AUROC interval."""
    minimum_auroc: Annotated[float, Field(ge=0, le=1)] = 0.5
    """And only those whose interval lies above."""
