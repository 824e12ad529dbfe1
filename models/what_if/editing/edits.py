"""Edits of a trained head by hand.

Pruning is the model editing of post-hoc concept bottlenecks (Yuksekgonul et al., ICLR 2023, section 4): a
weight is set to zero, or the rest of its row is then scaled back to the row's former l1 norm. What is taken
away is the concept's part in the decision; the other scores may still carry what it told. A reproduction
(Midavaine et al., TMLR 2024) did not find the published gain, so an edit is always reported on every domain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.errors import ModelsError


class Edit(Protocol):
    """One change of a head's weights."""

    @property
    def concept_id(self) -> str:
        """Whose weights change."""
        ...

    @property
    def class_name(self) -> str | None:
        """For which class; None for all."""
        ...

    def describe(self) -> str:
        """In words."""
        ...

    def weights(self, head: KnoBo) -> NDArray[np.float32]:
        """`(k, c)` after the edit; cells that it does not name are the same bits."""
        ...


@dataclass(frozen=True, slots=True)
class Prune:
    """A concept no longer counts: its weights are zero."""

    concept_id: str
    class_name: str | None = None

    def describe(self) -> str:
        """In words."""
        return f"prune {self.concept_id} for {self.class_name or 'all classes'}"

    def weights(self, head: KnoBo) -> NDArray[np.float32]:
        """Zeros in its cells."""
        weight = head.weight.copy()
        weight[rows_of(head, self.class_name), column_of(head, self.concept_id)] = 0
        return weight


@dataclass(frozen=True, slots=True)
class PruneAndNormalise:
    """Prunes, then gives each changed row its former l1 norm; a row with nothing left stays zero."""

    concept_id: str
    class_name: str | None = None

    def describe(self) -> str:
        """In words."""
        return f"{Prune(self.concept_id, self.class_name).describe()} and normalise"

    def weights(self, head: KnoBo) -> NDArray[np.float32]:
        """Zeros in its cells, and the rest of those rows scaled."""
        weight = Prune(self.concept_id, self.class_name).weights(head)
        for row in rows_of(head, self.class_name):
            former, left = (np.abs(w[row].astype(np.float64)).sum() for w in (head.weight, weight))
            if left:
                weight[row] *= former / left
        return weight


@dataclass(frozen=True, slots=True)
class SetWeight:
    """A concept gets this weight for a class."""

    concept_id: str
    class_name: str | None
    weight: float

    def describe(self) -> str:
        """In words."""
        return f"set {self.concept_id} for {self.class_name or 'all classes'} to {self.weight:g}"

    def weights(self, head: KnoBo) -> NDArray[np.float32]:
        """The number in its cells."""
        if not np.isfinite(self.weight):
            raise ModelsError(f"{self.concept_id} cannot have the weight {self.weight}; give a finite number")
        weight = head.weight.copy()
        weight[rows_of(head, self.class_name), column_of(head, self.concept_id)] = self.weight
        return weight


@dataclass(frozen=True, slots=True)
class FlipSign:
    """A concept speaks against what it spoke for."""

    concept_id: str
    class_name: str | None = None

    def describe(self) -> str:
        """In words."""
        return f"flip the sign of {self.concept_id} for {self.class_name or 'all classes'}"

    def weights(self, head: KnoBo) -> NDArray[np.float32]:
        """The other sign in its cells."""
        weight = head.weight.copy()
        weight[rows_of(head, self.class_name), column_of(head, self.concept_id)] *= -1
        return weight


def rows_of(head: KnoBo, class_name: str | None) -> list[int]:
    """The row of a class, or all.

    Raises:
        ModelsError: The head does not know the class.
    """
    if class_name is None:
        return list(range(len(head.classes)))
    if class_name not in head.classes:
        raise ModelsError(f"the head has no class {class_name!r}; choose from {', '.join(head.classes)}")
    return [head.classes.index(class_name)]


def column_of(head: KnoBo, concept_id: str) -> int:
    """The column of a concept.

    Raises:
        ModelsError: The head does not use it.
    """
    if concept_id not in head.concept_ids:
        raise ModelsError(
            f"the head has no concept {concept_id!r}; give the id of one of its {len(head.concept_ids)}"
        )
    return head.concept_ids.index(concept_id)


def edited(head: KnoBo, edits: Sequence[Edit]) -> KnoBo:
    """A new head after all edits in order; its `about` names them and otherwise tells of the training."""
    for edit in edits:
        head = replace(head, weight=edit.weights(head))
    said = [*head.about.get("edits", ()), *(edit.describe() for edit in edits)]
    return replace(head, about={**head.about, "edits": said})
