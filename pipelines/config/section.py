"""What all sections of a configuration share."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""Letters, digits, dot, dash and underscore: such names become folders, files and artifact keys."""


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def meaning(self) -> dict[str, Any]:
        """What results depend on: everything, unless a section says otherwise."""
        return self.model_dump(mode="json")
