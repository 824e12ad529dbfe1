"""Stage `checks`: looks at every split again, with the features and the pixels at hand."""

from collections.abc import Sequence

import models.torchvision_operators  # noqa: F401  # before timm
from models.features.table import FeatureTable
from models.images import ImageRecord
from models.splits.checks import CheckFinding, inspect_as_made, listing_of, save_findings
from models.splits.checks.near import NearPair, near_duplicate_images, near_duplicates
from models.splits.relabelling import as_seen_by
from pipelines.errors import PipelineError
from pipelines.images_table import ImagesTable, read_images
from pipelines.run import Run
from pipelines.stages.split import read_splits


def checks(run: Run) -> None:
    """Writes what every check says of every split.

    An error stops the run, for its numbers would mean nothing; a split that is kept as it was published has
    warnings instead.
    """
    table, splits = read_images(run.path("images.parquet")), read_splits(run)
    pairs = near_pairs(run, table, {image for split in splits for image in split.ids})
    digests = table.digest_by_path()

    def digest(record: ImageRecord) -> str:
        return digests[record.path]

    findings: list[CheckFinding] = []
    for section, split in zip(run.config.splits, splits, strict=True):
        records = table.of(section.datasets)
        listing = listing_of(split, as_seen_by(split, records), digest=digest)
        findings += inspect_as_made(split, records, digest=digest)
        findings.append(near_duplicate_images(listing, pairs))
    save_findings(run.path("checks.json"), findings)
    refuse_errors(findings)


def refuse_errors(findings: Sequence[CheckFinding]) -> None:
    """Stops at the first; a split that was sound when it was made is so here, unless its files changed."""
    for finding in findings:
        if finding.severity == "error":
            where = f"split {finding.split!r}, {finding.name}"
            raise PipelineError(f"{where}: {finding.message}; mend the images or their table")


def near_pairs(run: Run, table: ImagesTable, images: set[str]) -> tuple[NearPair, ...]:
    """Near-duplicates among the images of all splits."""
    return near_duplicates(
        FeatureTable.load(run.path("features")),
        [record for record in table.records if record.id in images],
        contents={record.id: digest for record, digest in zip(table.records, table.digests, strict=True)},
        progress=run.reporter.work("checks", "pairs of images"),
    )
