"""From class names to screened concepts."""

from pathlib import Path

from pipelines.config.section import Section


class DiscoverySection(Section):
    """The loop from class names to concepts (paper, section 3.1)."""

    template: str = "{query} diagnosis criteria"
    """How a class name or question becomes a query."""
    wanted: int = 150
    """Stop at so many accepted concepts."""
    candidates: int = 50
    """Passages retrieved for a query."""
    passages: int = 10
    """Unused passages kept of them."""
    sentences: int = 6
    """Sentences of a passage at most that are turned into questions."""
    maximum_sentences: int = 600
    """Sentences turned into questions in all: what bounds the time of the stage."""
    extra_queries: tuple[str, ...] = ()
    """Start queries besides the class names."""
    bank: Path | None = None
    """Concepts to begin with: an export (.csv, .json), a bank (.jsonl), or a question a line (.txt)."""


class ScreeningSection(Section):
    """The five tests of a candidate."""

    encoder: str = "all-minilm-l6-v2"
    """Judges whether two questions are alike: named weights or a folder in sentence-transformers format."""
    novelty: float = 0.85
    """Nearest accepted question, by cosine, must stay below."""
    minimum_answers: int = 10
    """Reports that say yes, and reports that say no, at least."""
    minimum_share: float = 0.0
    """Share of the rarer answer, at least (0.1 in the paper, for common signs)."""
