"""How passages are found."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from knowledge.errors import KnowledgeError
from knowledge.retrieval.kinds import parse_size
from pipelines.config.section import Section


class RetrievalSection(Section):
    """How passages are found."""

    passage_size: Annotated[int, Field(ge=200)] = 1000
    """Characters of a passage, about."""
    dense: bool = True
    """Fuse BM25 with the passage encoder."""
    encoder: str = "all-minilm-l6-v2"
    """Named weights or a folder in sentence-transformers format, or with `query` and `article` as MedCPT."""
    index: Literal["auto", "flat", "ivf-sq8", "small"] = "auto"
    """How vectors are kept; `auto` is `flat` up to 200,000 passages, then what the memory budget allows."""
    memory_budget: str | None = None
    """Most memory that the vectors may take, e.g. `2GB`; none sets no bound."""
    recall: Annotated[float, Field(ge=0, le=1)] | None = None
    """Least share of the exact ten passages that the index must find; none: 0.98, or 0.90 for `small`."""
    fusion_constant: Annotated[int, Field(ge=0)] = 100
    """Of reciprocal rank fusion."""
    reranker: Path | None = None
    """Folder of a cross-encoder that orders the best passages anew; none leaves the fusion as it is."""
    sources: tuple[str, ...] = ()
    """Names of literature sources to search; none searches all."""
    licenses: tuple[str, ...] = ()
    """Licences to search, spelled as the passages spell them; none searches all."""
    year_from: Annotated[int, Field(ge=0, le=9999)] | None = None
    """First year of publication; passages without a year are left out then."""
    year_to: Annotated[int, Field(ge=0, le=9999)] | None = None
    """Last year of publication; passages without a year are left out then."""
    retracted: bool = True
    """Also find retracted articles; concepts that rest on one are marked."""

    @field_validator("memory_budget")
    @classmethod
    def _is_a_size(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                parse_size(value)
            except KnowledgeError as error:
                raise ValueError(str(error)) from error
        return value
