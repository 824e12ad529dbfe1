"""Stage `split`: divides the images by domain, with checks."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import models.torchvision_operators  # noqa: F401  # before timm
from models.domains import DomainSplit, confounded, load_split, plain, save_split
from models.images import ImageRecord
from models.splits.cells import Digest
from models.splits.paper import made_anew, recipe_named
from models.splits.released import as_published, read_released, without_overlap
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

    def digest(record: ImageRecord) -> str:
        return digests[record.path]

    return MAKERS[section.kind](section, table.of(section.datasets), digest, seed)


def make_plain(
    section: SplitSection, records: Sequence[ImageRecord], digest: Digest, seed: int
) -> DomainSplit:
    """Without a shift."""
    return plain(records, name=section.name, classes=section.classes, seed=seed, digest=digest)


def make_confounded(
    section: SplitSection, records: Sequence[ImageRecord], digest: Digest, seed: int
) -> DomainSplit:
    """By any attribute of the user's own images."""
    first, second = section.classes
    assert section.attribute is not None, "the configuration demands it"
    return confounded(
        records,
        name=section.name,
        classes=(first, second),
        attribute=section.attribute,
        values=(section.values[0], section.values[1]),
        seed=seed,
        strength=section.strength,
        maximum=section.maximum,
        minimum=section.minimum,
        digest=digest,
    )


def make_of_paper(
    section: SplitSection, records: Sequence[ImageRecord], digest: Digest, seed: int
) -> DomainSplit:
    """One of the paper's, made anew."""
    assert section.recipe is not None, "the configuration demands it"
    recipe = recipe_named(section.recipe)
    if section.classes != recipe.classes:
        raise PipelineError(
            f"split {section.name!r}: the classes of {recipe.name} are {', '.join(recipe.classes)}, "
            f"not {', '.join(section.classes)}; name these"
        )
    return made_anew(
        recipe,
        records,
        name=section.name,
        seed=seed,
        strength=section.strength,
        minimum=section.minimum,
        digest=digest,
    )


def make_of_files(
    section: SplitSection, records: Sequence[ImageRecord], digest: Digest, seed: int
) -> DomainSplit:
    """One of the paper's, as published."""
    assert section.files is not None, "the configuration demands it"
    make = as_published if section.keep_overlap else without_overlap
    return make(
        read_released(section.files),
        records,
        name=section.name,
        classes=section.classes,
        attribute=section.attribute or "",
        seed=seed,
        digest=digest,
    )


MAKERS: Mapping[str, Callable[[SplitSection, Sequence[ImageRecord], Digest, int], DomainSplit]] = {
    "plain": make_plain,
    "confounded": make_confounded,
    "paper": make_of_paper,
    "released": make_of_files,
}


def refuse_fatal(made: DomainSplit) -> None:
    """Stops where a number would mean nothing."""
    for check in made.checks:
        if check.fatal and not check.passed:
            raise PipelineError(f"split {made.name!r}: {check.message}")


def read_splits(run: Run) -> list[DomainSplit]:
    """In the order of the configuration."""
    return [load_split(run.path(f"splits/{section.name}.json")) for section in run.config.splits]
