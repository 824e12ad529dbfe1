"""Stage `audit`: every number of the report."""

from collections.abc import Sequence

import models.torchvision_operators  # noqa: F401  # before timm
from models.domains import DomainSplit
from models.evaluation.audit import AuditSettings, audit, read_predictions
from pipelines.config import Config
from pipelines.report.methods import describe
from pipelines.report.wording import plain
from pipelines.run import Run
from pipelines.stages.oracle import ORACLES, can_be_told
from pipelines.stages.split import read_splits


def measure(run: Run) -> None:
    """The audit: every number of the report."""
    section, splits = run.config.audit, read_splits(run)
    predictions = [
        *read_predictions(run.path("predictions.parquet")),
        *read_predictions(run.path("predictions_fine_tune.parquet")),
    ]
    found = audit(
        predictions,
        splits,
        mean=[split.name for split in run.config.splits if split.in_mean],
        notes=notes(run.config, splits),
        settings=AuditSettings(replicates=section.replicates, seed=run.config.seed),
        progress=run.reporter.work("audit", "splits"),
    )
    found.save(run.path("audit.json"))


def notes(config: Config, splits: Sequence[DomainSplit]) -> list[str]:
    """Sentences a reader must know."""
    said = []
    if config.fine_tune.enabled and config.fine_tune.images is not None:
        said.append(
            f"Fine-tuning trained on at most {config.fine_tune.images} images a split, other methods on all."
        )
    for oracle in sorted(ORACLES & set(config.fit.methods)):
        label = describe(oracle).label
        said.append(
            f"{label} was shown half of the shifted images, and is reported on the other half; "
            "no other method has seen one."
        )
        if left_out := [split.name for split in splits if not can_be_told(split)]:
            said.append(
                f"{label} is left out on {', '.join(left_out)}: too few shifted images of a class to halve."
            )
    if config.erasure.attributes:
        said.append(
            f"Erased where a method is called erased: {', '.join(map(plain, config.erasure.attributes))}."
        )
    outside = [split.name for split in config.splits if not split.in_mean]
    if outside:
        said.append(f"Not in the mean: {', '.join(outside)}.")
    return said
