"""The numbers."""

from typing import Annotated

from pydantic import Field

from pipelines.config.section import Section


class AuditSection(Section):
    """The numbers."""

    replicates: Annotated[int, Field(ge=2)] = 1000
    """Of the bootstrap; one alone has no spread."""
