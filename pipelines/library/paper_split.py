"""A confounded split of the paper asked of a local copy: its settings, and what its four cells hold there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from models.datasets.library import ImageColumns
from models.datasets.library.findings import UNCERTAIN
from models.images import ImageRecord
from models.splits.cells import count_cells
from models.splits.paper import Recipe, labelled, recipe_named
from pipelines.config.splits import SplitSection
from pipelines.errors import PipelineError
from pipelines.library.choice import Choice, strength_of
from pipelines.library.configuration import Shift, frontal_alone


@dataclass(frozen=True, slots=True)
class CellCount:
    """How many images at hand have a class of a recipe and a value of its confounder."""

    label: str
    value: str
    images: int


def shift_of_paper(choice: Choice) -> Shift:
    """The split, with the columns from which its classes are told."""
    recipe = recipe_named(choice.recipe)
    if choice.classes or choice.attribute:
        raise PipelineError(f"the recipe {recipe.name} brings its classes and attribute; leave these out")
    return Shift(
        name=recipe.name,
        classes=recipe.classes,
        settings={"kind": "paper", "recipe": recipe.name, **strength_of(choice)},
        columns=columns_of(recipe),
    )


def columns_of(recipe: Recipe) -> tuple[str, ...]:
    """What a recipe reads of an image."""
    return recipe.attribute, *(name for names in recipe.findings.values() for name in names), UNCERTAIN


def labels_and_cells(
    columns: ImageColumns, choice: Choice
) -> tuple[Sequence[str | None], tuple[CellCount, ...]]:
    """The class of each image, and the cells of the recipe where there is one.

    A set beside this one may fill a cell that this one leaves empty.
    """
    if not choice.recipe:
        return columns.label, ()
    records = records_of_recipe(columns, choice.recipe)
    cells = cells_of_recipe(records, choice.recipe)
    if choice.beside is None:
        require_cells(cells, choice.recipe)
    return [record.label for record in records], cells


def records_of_recipe(columns: ImageColumns, name: str) -> list[ImageRecord]:
    """The images that a run would take, with the classes that the recipe gives them."""
    recipe, where = recipe_named(name), frontal_alone(columns.attributes)
    needed = {*columns_of(recipe), *where.get("where", {})}
    few = replace(
        columns,
        report=(),
        findings={key: column for key, column in columns.findings.items() if key in needed},
        attributes={key: column for key, column in columns.attributes.items() if key in needed},
    )
    kept = [
        record
        for record in few.records(Path(), name=name)
        if all(record.attributes.get(key) in values for key, values in where.get("where", {}).items())
    ]
    return labelled(recipe, kept)


def cells_of_recipe(records: Sequence[ImageRecord], name: str) -> tuple[CellCount, ...]:
    """The four cells, in the order of classes and values."""
    recipe = recipe_named(name)
    counts = count_cells(records, recipe.attribute)
    return tuple(
        CellCount(label, value, counts[label, value])
        for label, value in product(recipe.classes, recipe.values)
    )


def told(cells: Sequence[CellCount]) -> str:
    """The cells as a reader would say them."""
    return ", ".join(f"{cell.label}/{cell.value} {cell.images:,}" for cell in cells)


def scarce(cells: Sequence[CellCount], choice: Choice) -> tuple[str, ...]:
    """What to put in before a run takes the split, a sentence; a set beside this one may bring the images."""
    minimum = SplitSection.model_fields["minimum"].default
    few = [cell for cell in cells if cell.images < minimum]
    if not few or choice.beside is not None:
        return ()
    wanted = f"A run wants {minimum} images in each cell of the split, there are {told(few)}"
    return (f"{wanted}: add images or lower minimum of the split.",)


def require_cells(cells: Sequence[CellCount], name: str) -> None:
    """Refuse a copy that leaves a cell of the recipe empty, for no run could make the split.

    Raises:
        PipelineError: It does.
    """
    if not all(cell.images for cell in cells):
        recipe = recipe_named(name)
        raise PipelineError(
            f"the copy leaves a cell of {recipe.name} (class/{recipe.attribute}) without any image: it holds "
            f"{told(cells)}; fetch the whole data set or take another recipe"
        )
