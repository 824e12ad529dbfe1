"""The domain shifts to audit."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.config.section import Name, Section

BELONGS_TO = {
    "values": ("confounded",),
    "strength": ("confounded", "paper"),
    "maximum": ("confounded",),
    "recipe": ("paper",),
    "files": ("released",),
    "keep_overlap": ("released",),
}
"""Settings that only some kinds of split know; given to another, they would be without effect."""


class SplitSection(Section):
    """How training and shifted images differ."""

    name: Name
    """As it stands in the audit."""
    kind: Literal["confounded", "plain", "paper", "released"] = "confounded"
    """`confounded` also serves hospitals: take as attribute the column that names the source. `plain` has no
    shift. `paper` makes a confounded split of the KnoBo paper anew, `released` takes its published files."""
    datasets: tuple[str, ...]
    """Names of the data sets that give the images."""
    classes: tuple[str, ...]
    """Class names, in the order of `values`."""
    attribute: str | None = None
    """The confounder; a `released` split without one counts as unconfounded."""
    values: tuple[str, ...] = ()
    """Value that goes with each class in train, validation and in_domain; reversed in shifted."""
    strength: Annotated[float, Field(ge=0.5, le=1)] = 1.0
    """Share of each class that goes with its value where the model learns; shifted images never do."""
    maximum: Annotated[int, Field(ge=1)] | None = None
    """At most so many training images a class."""
    minimum: Annotated[int, Field(ge=1)] = 10
    """Refuse a split with fewer images in a cell."""
    recipe: str | None = None
    """Name of a split of the paper, e.g. `NIH-sex`, for `paper`."""
    files: Path | None = None
    """Folder with `class2images_train.p`, `_val.p` and `_test.p` as published, for `released`."""
    keep_overlap: bool = False
    """Whether a `released` split keeps what is in two parts, for comparison with published figures."""
    in_mean: bool = True
    """Whether the split enters the mean row."""

    @model_validator(mode="after")
    def _kind_has_what_it_needs(self) -> "SplitSection":
        if self.kind == "confounded" and (
            self.attribute is None or len(self.values) != 2 or len(self.classes) != 2
        ):
            raise ValueError(
                f"split {self.name!r} is confounded: it needs `attribute`, two `classes`, two `values`"
            )
        if self.kind == "paper" and self.recipe is None:
            raise ValueError(f'split {self.name!r} is of the paper: it needs `recipe`, e.g. "NIH-sex"')
        if self.kind == "released" and self.files is None:
            raise ValueError(f"split {self.name!r} is released: it needs `files`, the folder of its files")
        return self

    @model_validator(mode="after")
    def _nothing_without_effect(self) -> "SplitSection":
        for setting, kinds in BELONGS_TO.items():
            given = getattr(self, setting) != type(self).model_fields[setting].default
            if given and self.kind not in kinds:
                raise ValueError(
                    f"split {self.name!r} of kind {self.kind} knows no `{setting}`; leave it out, or make it "
                    f"{' or '.join(kinds)}"
                )
        return self
