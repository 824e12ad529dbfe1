"""Concepts as people name them on the command line, and as they are shown to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Self

from knowledge.concepts import ConceptBank
from knowledge.curation.lookup import by_prefix, short_ids
from pipelines.errors import PipelineError
from pipelines.run import Run

SHOWN = 3


@dataclass(frozen=True)
class ConceptNames:
    """The concepts that the classifier uses.

    Attributes:
        bank: Those concepts.
        unused: Concepts of the run that it does not use.
    """

    bank: ConceptBank
    unused: frozenset[str]

    @classmethod
    def of(cls, run: Run, concept_ids: Sequence[str]) -> Self:
        """Of a run whose heads read these concepts."""
        bank = ConceptBank.load(run.path("concepts.jsonl"))
        known = frozenset(bank.ids)
        missing = [name for name in concept_ids if name not in known]
        if missing:
            raise PipelineError(
                f"{len(missing)} concepts of the classifier in {run.directory} are not in its bank, "
                f"e.g. {missing[0]}; run its configuration again"
            )
        return cls(bank.subset(concept_ids), known - frozenset(concept_ids))

    def find(self, name: str) -> str:
        """The id meant by an id, the beginning of one, its last eight letters, or a question.

        Raises:
            PipelineError: No concept in use is meant.
            KnowledgeError: Several are.
        """
        if not name.strip() or self.fits(name):
            return by_prefix(self.bank, name).id
        if any(fits(name, unused) for unused in self.unused):
            raise PipelineError(
                f"the classifier does not use the concept {name!r}, for its detector was not kept; "
                f"choose one of the {len(self.bank)} in use"
            )
        raise PipelineError(f"there is no concept {name!r}; did you mean {' or '.join(self.near(name))}?")

    def fits(self, name: str) -> bool:
        """Whether it can mean any concept in use."""
        asked = any(name == each.question or name in each.formerly for each in self.bank)
        return asked or any(fits(name, each) for each in self.bank.ids)

    def near(self, name: str) -> list[str]:
        """Ids that hold the words, or look alike."""
        words = name.lower().replace(" ", "-")
        holding = [each for each in self.bank.ids if words in each]
        alike = sorted(self.bank.ids, key=lambda each: -likeness(words, each))
        return list(dict.fromkeys((*holding, *alike)))[:SHOWN]

    def question(self, concept_id: str) -> str:
        """As asked."""
        return self.bank[concept_id].question

    def short(self, concept_id: str) -> str:
        """The end of the id that tells it from all others."""
        return short_ids(self.bank)[concept_id]


def fits(name: str, concept_id: str) -> bool:
    """Whether a name is the beginning or the last part of an id."""
    return concept_id.startswith(name) or concept_id.endswith(f"-{name}")


def likeness(words: str, concept_id: str) -> float:
    """How alike the letters are, the hash left out."""
    return SequenceMatcher(None, words, concept_id.rpartition("-")[0]).ratio()
