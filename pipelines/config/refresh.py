"""What a refresh of a finished run may do."""

from typing import Annotated, Literal

from pydantic import Field

from pipelines.config.section import Section


class RefreshSection(Section):
    """`knobo refresh`: new literature, and the concepts that it proposes."""

    accept: Literal["none", "all"] = "none"
    """Who lets proposals into the run: a person with `knobo concepts review`, or nobody is asked (`all`)."""
    wanted: Annotated[int, Field(ge=0)] = 20
    """Concepts that one refresh proposes at most."""
    maximum_sentences: Annotated[int, Field(ge=0)] | None = None
    """Sentences turned into questions; by default at least 12, and as many a passage as discovery had."""
    literature: Literal["follow", "hold"] = "follow"
    """Whether `knobo run` takes in local literature that changed, or leaves that to an accepted refresh."""
