"""How passages are found."""

from typing import Annotated

from pydantic import Field

from pipelines.config.section import Section


class RetrievalSection(Section):
    """How passages are found."""

    passage_size: Annotated[int, Field(ge=200)] = 1000
    """Characters of a passage, about."""
    dense: bool = True
    """Fuse BM25 with the passage encoder; the encoder also judges whether two questions are alike."""
    encoder: str = "all-minilm-l6-v2"
    """Named weights or a folder in sentence-transformers format."""
    fusion_constant: int = 100
    """Of reciprocal rank fusion."""
