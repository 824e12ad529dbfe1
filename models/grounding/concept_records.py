"""What is known of concepts after their grounders were fitted."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class ConceptQuality:
    """How well a concept is seen in images held out from its fit.

    Attributes:
        concept_id: Whose.
        n_yes, n_no: Images with that answer.
        auroc, auroc_low, auroc_high: With 95 % interval over groups.
        balanced_accuracy, balanced_accuracy_low, balanced_accuracy_high: At probability 0.5.
    """

    concept_id: str
    n_yes: int
    n_no: int
    auroc: float
    auroc_low: float
    auroc_high: float
    balanced_accuracy: float
    balanced_accuracy_low: float
    balanced_accuracy_high: float


@dataclass(frozen=True, slots=True)
class Ungrounded:
    """A concept with too few answers of one kind to be learnt."""

    concept_id: str
    n_yes: int
    n_no: int


@dataclass(frozen=True, slots=True)
class Inseparable:
    """Concepts that training could not tell apart: their answers are the same in (nearly) every image.

    Attributes:
        concept_ids: At least two.
        n_both: Images in which two of them were both learnt from, the fewest of any linked pair.
        n_differ: Images in which their answers differ, the most of any linked pair.
    """

    concept_ids: tuple[str, ...]
    n_both: int
    n_differ: int

    def among(self, kept: AbstractSet[str]) -> Self | None:
        """Those that are kept; None where fewer than two are."""
        rest = tuple(concept for concept in self.concept_ids if concept in kept)
        return replace(self, concept_ids=rest) if len(rest) > 1 else None
