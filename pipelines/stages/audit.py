"""Stage `audit`: every number of the report."""

import models.torchvision_operators  # noqa: F401  # before timm
from models.evaluation.audit import AuditSettings, audit, read_predictions
from pipelines.config import Config
from pipelines.run import Run
from pipelines.stages.split import read_splits


def measure(run: Run) -> None:
    """The audit: every number of the report."""
    section = run.config.audit
    predictions = [
        *read_predictions(run.path("predictions.parquet")),
        *read_predictions(run.path("predictions_fine_tune.parquet")),
    ]
    found = audit(
        predictions,
        read_splits(run),
        mean=[split.name for split in run.config.splits if split.in_mean],
        notes=notes(run.config),
        settings=AuditSettings(replicates=section.replicates, seed=run.config.seed),
        progress=run.reporter.work("audit", "splits"),
    )
    found.save(run.path("audit.json"))


def notes(config: Config) -> list[str]:
    """Sentences a reader must know."""
    said = []
    if config.fine_tune.enabled:
        said.append(
            f"fine_tune trained for {config.fine_tune.epochs} epochs on at most "
            f"{config.fine_tune.images} images a split, the other methods on all."
        )
    outside = [split.name for split in config.splits if not split.in_mean]
    if outside:
        said.append(f"Not in the mean: {', '.join(outside)}.")
    return said
