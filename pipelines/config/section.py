"""What all sections of a configuration share."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""Letters, digits, dot, dash and underscore: such names become folders, files and artifact keys."""


def named_twice(names: Sequence[str]) -> list[str]:
    """Names that come more than once, in alphabetical order."""
    return sorted({name for name in names if names.count(name) > 1})


def distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, refused where one comes twice."""
    if twice := named_twice(names):
        raise ValueError(f"{', '.join(twice)} is given twice; name each once")
    return names


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    def meaning(self) -> dict[str, Any]:
        """What results depend on: everything, unless a section says otherwise."""
        return self.model_dump(mode="json")
