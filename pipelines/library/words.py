"""What this package brings for a kind of images: a handbook, a lexicon, how to search."""

from dataclasses import dataclass
from typing import Any

from models.datasets.library import Facts, ImageColumns

CHEST_WORDS = ("chest x-ray",)
SKIN_WORDS = ("dermoscop", "skin", "clinical photograph")
NO_FACT = "as "  # how a format, which serves any images, tells what they show
NO_LITERATURE = {"name": "literature", "kind": "markdown", "path": "literature", "license": "unknown"}


@dataclass(frozen=True, slots=True)
class Words:
    """What a kind of images brings from this package."""

    handbook: str
    template: str
    lexicon: tuple[str, ...]
    silence: str


CHEST = Words("demo-handbook:chest_xray", "chest X-ray {query} diagnosis criteria", ("chest_xray",), "no")
SKIN = Words("demo-handbook:skin", "skin lesion {query} diagnosis criteria", ("skin",), "unknown")


def modality_of(facts: Facts, columns: ImageColumns) -> str:
    """What the images are, by the one value of a column `modality` for a format; empty where nothing says."""
    if not facts.modality.startswith(NO_FACT):
        return facts.modality
    told = {value for value in columns.attributes.get("modality", ()) if value}
    return next(iter(told)) if len(told) == 1 else ""


def words_of(modality: str) -> Words | None:
    """What this package has for images of a kind; None for kinds for which it has nothing."""
    for words, needles in ((CHEST, CHEST_WORDS), (SKIN, SKIN_WORDS)):
        if any(needle in modality.lower() for needle in needles):
            return words
    return None


def literature_section(words: Words | None) -> dict[str, Any]:
    """The shipped handbook, else a placeholder."""
    if words is None:
        return dict(NO_LITERATURE)
    return {"name": "handbook", "kind": "markdown", "path": words.handbook, "license": "Apache-2.0"}


def reading_sections(words: Words) -> dict[str, Any]:
    """How concepts are sought and reports read."""
    return {
        "discovery": {"template": words.template},
        "annotation": {"lexicon": list(words.lexicon), "silence": words.silence},
    }
