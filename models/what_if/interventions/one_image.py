"""One image with some of its concepts set by hand: how the class probabilities move."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.errors import ModelsError
from models.what_if.interventions.effects import effects
from models.what_if.interventions.levels import Levels


@dataclass(frozen=True, slots=True)
class MovedConcept:
    """One concept that was set.

    Attributes:
        concept_id: Which.
        before, after: Its score.
        change: `(k,)` what that adds to each logit; the sum over concepts is the whole change.
    """

    concept_id: str
    before: float
    after: float
    change: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Intervention:
    """Class probabilities of one image before and after some of its concepts were set.

    Attributes:
        classes: `(k,)`.
        before, after: `(k,)` probabilities.
        moved: One a concept, in the order given.
    """

    classes: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    moved: tuple[MovedConcept, ...]

    @property
    def predicted(self) -> tuple[str, str]:
        """Most probable class before and after."""
        before, after = (int(np.argmax(values)) for values in (self.before, self.after))
        return self.classes[before], self.classes[after]


@dataclass(frozen=True, slots=True)
class PossibleAnswer:
    """Where the class probabilities would go if one concept alone were answered.

    Attributes:
        concept_id: Which.
        score: Its score now.
        if_yes, if_no: `(k,)` class probabilities.
    """

    concept_id: str
    score: float
    if_yes: tuple[float, ...]
    if_no: tuple[float, ...]


def intervene(head: KnoBo, scores: NDArray[np.floating], *, values: Mapping[str, float]) -> Intervention:
    """Sets the scores of some concepts of one image.

    Args:
        head: The classifier.
        scores: `(c,)` of the image.
        values: Score by concept id, between 0 and 1; `Levels` translates a yes or no.

    Raises:
        ModelsError: An unknown concept, or a value that is no probability.
    """
    wanted = scores.astype(np.float64)
    columns = []
    for concept_id, value in values.items():
        if concept_id not in head.concept_ids:
            raise ModelsError(
                f"the classifier has no concept {concept_id!r}; give the id of one of its {len(scores)}"
            )
        if not 0 <= value <= 1:
            raise ModelsError(f"{concept_id} cannot be set to {value:g}; give a number from 0 to 1")
        columns.append(head.concept_ids.index(concept_id))
        wanted[columns[-1]] = value
    change = effects(head, scores[None], wanted[None])[0]
    before, after = head.predict(np.stack([scores.astype(np.float64), wanted])).tolist()
    moved = tuple(
        MovedConcept(
            head.concept_ids[column],
            float(scores[column]),
            float(wanted[column]),
            tuple(change[:, column].tolist()),
        )
        for column in columns
    )
    return Intervention(head.classes, tuple(before), tuple(after), moved)


def possible_answers(
    head: KnoBo, scores: NDArray[np.floating], *, levels: Levels
) -> tuple[PossibleAnswer, ...]:
    """What one answer would do to the image with `scores (c,)`, for each concept in order."""
    rows = np.repeat(scores.astype(np.float64)[None], len(scores), axis=0)
    yes, no = rows.copy(), rows.copy()
    np.fill_diagonal(yes, levels.yes)
    np.fill_diagonal(no, levels.no)
    found = zip(head.concept_ids, scores.tolist(), head.predict(yes), head.predict(no), strict=True)
    return tuple(
        PossibleAnswer(concept_id, score, tuple(if_yes.tolist()), tuple(if_no.tolist()))
        for concept_id, score, if_yes, if_no in found
    )
