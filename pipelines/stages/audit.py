"""Stage `audit`: every number of the report."""

import models.torchvision_operators  # noqa: F401  # before timm
from models.evaluation.audit import AuditSettings, audit, read_predictions
from pipelines.config import Config
from pipelines.run import Run
from pipelines.stages.oracle import ORACLES
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
    if config.fine_tune.enabled and config.fine_tune.images is not None:
        said.append(
            f"fine_tune trained on at most {config.fine_tune.images} images a split, other methods on all."
        )
    if oracles := sorted(ORACLES & set(config.fit.methods)):
        said.append(
            f"{', '.join(oracles)} was shown half of the shifted images, and is reported on the other half; "
            "no other method has seen one."
        )
    if config.erasure.attributes:
        said.append(f"Erased where a method is called erased: {', '.join(config.erasure.attributes)}.")
    outside = [split.name for split in config.splits if not split.in_mean]
    if outside:
        said.append(f"Not in the mean: {', '.join(outside)}.")
    return said
