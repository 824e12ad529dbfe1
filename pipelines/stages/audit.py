"""Stage `audit`: every number of the report, and the predictions behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import models.torchvision_operators  # noqa: F401  # before timm
from models.domains import DomainSplit
from models.evaluation.audit import AuditSettings, audit, read_predictions
from models.evaluation.prediction_table import predictions_table, write_prediction_table
from models.splits.cells import DATA_SET, attribute_of
from models.splits.checks import CheckFinding, load_findings
from pipelines.config import Config
from pipelines.images_table import ImagesTable, read_images
from pipelines.report.methods import describe
from pipelines.report.wording import plain
from pipelines.run import Run
from pipelines.stages.oracle import ORACLES, can_be_told
from pipelines.stages.split import read_splits

CheckLine = tuple[str, str, bool, str]  # split, check, whether it passed, what it found


def measure(run: Run) -> None:
    """The audit: every number of the report, and the predictions behind them with their groups."""
    section, splits = run.config.audit, read_splits(run)
    attributes = groups_of_images(run.config, read_images(run.path("images.parquet")))
    predictions = [
        *read_predictions(run.path("predictions.parquet")),
        *read_predictions(run.path("predictions_fine_tune.parquet")),
    ]
    found = audit(
        predictions,
        splits,
        attributes=attributes,
        mean=[split.name for split in run.config.splits if split.in_mean],
        notes=notes(run.config, splits),
        settings=AuditSettings(replicates=section.replicates, seed=run.config.seed),
        progress=run.reporter.work("audit", "splits"),
    )
    checks = all_checks(load_findings(run.path("checks.json")), splits)
    replace(found, checks=checks).save(run.path("audit.json"))
    write_prediction_table(
        predictions_table(predictions, splits, attributes),
        csv=run.path("predictions.csv"),
        parquet=run.path("predictions_by_group.parquet"),
    )


def all_checks(findings: Sequence[CheckFinding], splits: Sequence[DomainSplit]) -> tuple[CheckLine, ...]:
    """What the checks found with features and pixels at hand, and what only the maker of a split knows."""
    lines = [(each.split, each.name, each.severity == "passed", each.message) for each in findings]
    looked_at = {(split, name) for split, name, _, _ in lines}
    lines += [
        (split.name, check.name, check.passed, check.message)
        for split in splits
        for check in split.checks
        if (split.name, check.name) not in looked_at
    ]
    place = {split.name: number for number, split in enumerate(splits)}
    return tuple(sorted(lines, key=lambda line: place[line[0]]))


def groups_of_images(config: Config, table: ImagesTable) -> dict[str, Mapping[str, str]]:
    """What the configuration declares as attributes of each image, and its data set; nothing else is known.

    Answers of experts to questions stay out, and so do patients.
    """
    declared = {dataset.name: dataset.attributes for dataset in config.datasets}
    found: dict[str, Mapping[str, str]] = {}
    for record, dataset in zip(table.records, table.datasets, strict=True):
        names = (*declared.get(dataset, ()), DATA_SET)
        known = {name: attribute_of(record, name) for name in names}
        found[record.id] = {name: value for name, value in known.items() if value}
    return found


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
