"""What is known of how images were taken, and must not decide what a concept looks like."""

from typing import Annotated

from pydantic import AfterValidator, Field

from pipelines.config.section import Section, distinct


class ErasureSection(Section):
    """Further arms beside the plain ones; nothing is done unless attributes are named."""

    attributes: Annotated[tuple[str, ...], AfterValidator(distinct)] = ()
    """Acquisition attributes that the grounding data sets declare (view, scanner): erased linearly from the
    features before grounding, beside the erasure of an attribute that means nothing."""
    balance: bool = False
    """Also learn concepts from images weighed so that the attributes are balanced within each answer."""
    minimum: Annotated[int, Field(ge=2)] = 10
    """Images that a value needs; a rarer one counts as unknown."""
