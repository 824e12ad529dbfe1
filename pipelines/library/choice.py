"""What a user wants of a data set."""

from dataclasses import dataclass
from pathlib import Path

from models.splits.paper import recipe_named
from pipelines.errors import PipelineError


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user wants of a data set.

    Attributes:
        classes: Classes, in the order of `values`; those of the label column where none is named.
        attribute: Confounder of a split; empty for a split without one.
        values: Its value with each class in training.
        unmentioned: Whether a finding that a report does not mention is no hindrance to the label of another.
        strength: Share of each class that goes with its value where the model learns.
        recipe: Name of a confounded split of the KnoBo paper, instead of classes and attribute.
        table: `parquet` or `csv`.
        reports: Folder of a set prepared before, whose reports ground the concepts.
        beside: Folder of a set prepared before, whose images join the split.
    """

    classes: tuple[str, ...] = ()
    attribute: str = ""
    values: tuple[str, ...] = ()
    unmentioned: bool = False
    strength: float = 1.0
    recipe: str = ""
    table: str = "parquet"
    reports: Path | None = None
    beside: Path | None = None


def require_effect(choice: Choice, name: str) -> None:
    """Refuse what would be ignored: a user who gave it expects something of it."""
    if choice.recipe:
        recipe = recipe_named(choice.recipe)
        if name not in recipe.data_sets:
            sets = ", ".join(recipe.data_sets)
            raise PipelineError(f"the recipe {recipe.name} is one of {sets}, not of {name}; prepare that set")
        if len(recipe.data_sets) > 1 and choice.beside is None:
            others = ", ".join(other for other in recipe.data_sets if other != name)
            raise PipelineError(
                f"the recipe {recipe.name} needs the images of {others}, too; "
                "give the folder in which that set was prepared with --beside"
            )
    if choice.strength != 1 and not choice.attribute and not choice.recipe:
        raise PipelineError("--strength is that of a confounder; give --attribute or --recipe with it")
    if choice.values and not choice.attribute:
        raise PipelineError("--value is one of an attribute; give --attribute with it")
    if choice.unmentioned and not choice.classes:
        raise PipelineError("--allow-unmentioned is for findings as classes; give --class with it")


def strength_of(choice: Choice) -> dict[str, float]:
    """The strength, where it is not whole."""
    return {} if choice.strength == 1 else {"strength": choice.strength}
