"""The domain shifts to audit."""

from typing import Literal

from pydantic import model_validator

from pipelines.config.section import Name, Section


class SplitSection(Section):
    """How training and shifted images differ."""

    name: Name
    """As it stands in the audit."""
    kind: Literal["confounded", "plain"] = "confounded"
    """`confounded` also serves hospitals: take as attribute the column that names the source."""
    datasets: tuple[str, ...]
    """Names of the data sets that give the images."""
    classes: tuple[str, ...]
    """Class names, in the order of `values`."""
    attribute: str | None = None
    """The confounder."""
    values: tuple[str, ...] = ()
    """Value that goes with each class in train, validation and in_domain; reversed in shifted."""
    maximum: int | None = None
    """At most so many training images a class."""
    minimum: int = 10
    """Refuse a split with fewer images in a cell."""
    in_mean: bool = True
    """Whether the split enters the mean row."""

    @model_validator(mode="after")
    def _two_values(self) -> "SplitSection":
        if self.kind == "confounded" and (
            self.attribute is None or len(self.values) != 2 or len(self.classes) != 2
        ):
            raise ValueError(
                f"split {self.name!r} is confounded: it needs `attribute`, two `classes`, two `values`"
            )
        return self
