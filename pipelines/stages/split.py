"""Stage `split`: divides the images by domain, with checks."""

from pathlib import Path

import models.torchvision_operators  # noqa: F401  # before timm
from models.domains import DomainSplit, confounded, load_split, plain, save_split
from models.images import ImageRecord
from pipelines.config import SplitSection
from pipelines.directories import new_directory
from pipelines.errors import PipelineError
from pipelines.images_table import ImagesTable, read_images
from pipelines.run import Run


def split(run: Run) -> None:
    """Makes every split, with its checks; a fatal one stops the run."""
    table = read_images(run.path("images.parquet"))
    digests = table.digest_by_path()
    with new_directory(run.path("splits")) as directory:
        for section in run.config.splits:
            made = make_split(section, table, digests, seed=run.config.seed)
            refuse_fatal(made)
            save_split(made, directory / f"{section.name}.json")


def make_split(
    section: SplitSection, table: ImagesTable, digests: dict[Path, str], *, seed: int
) -> DomainSplit:
    """One split as configured."""
    records = table.of(section.datasets)

    def digest(record: ImageRecord) -> str:
        return digests[record.path]

    if section.kind == "plain":
        return plain(records, name=section.name, classes=section.classes, seed=seed, digest=digest)
    first, second = section.classes
    assert section.attribute is not None, "the configuration demands it"
    return confounded(
        records,
        name=section.name,
        classes=(first, second),
        attribute=section.attribute,
        values=(section.values[0], section.values[1]),
        seed=seed,
        maximum=section.maximum,
        minimum=section.minimum,
        digest=digest,
    )


def refuse_fatal(made: DomainSplit) -> None:
    """Stops where a number would mean nothing."""
    for check in made.checks:
        if check.fatal and not check.passed:
            raise PipelineError(f"split {made.name!r}: {check.message}")


def read_splits(run: Run) -> list[DomainSplit]:
    """In the order of the configuration."""
    return [load_split(run.path(f"splits/{section.name}.json")) for section in run.config.splits]
