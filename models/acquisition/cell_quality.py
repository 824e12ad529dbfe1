"""How well a concept is seen where the acquisition is fixed: among PA images alone, among AP images alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.acquisition.attributes import Acquisition, Values, acquisitions
from models.errors import ModelsError
from models.evaluation.intervals import Draws, draw_units, interval
from models.evaluation.metrics import binary_auroc, blocks
from models.grounding.grounder import Grounder
from models.grounding.quality import CELLS


@dataclass(frozen=True, slots=True)
class CellQuality:
    """A concept's held-out scores among the images of one level.

    Attributes:
        attribute, level: Which images.
        n_yes, n_no: Images of the cell with that answer.
        auroc, auroc_low, auroc_high: With 95 % interval over groups.
    """

    attribute: str
    level: str
    n_yes: int
    n_no: int
    auroc: float
    auroc_low: float
    auroc_high: float


@dataclass(frozen=True, slots=True)
class ConceptCells:
    """One concept.

    Attributes:
        concept_id: Which.
        cells: Those with enough of both answers.
    """

    concept_id: str
    cells: tuple[CellQuality, ...]

    @property
    def worst(self) -> CellQuality | None:
        """The cell whose interval begins lowest; None where no cell has enough of both answers.

        A detector of the acquisition does well over all images and no better than chance here.
        """
        return min(self.cells, key=lambda cell: cell.auroc_low, default=None)


def measure_in_cells(
    grounder: Grounder,
    answers: NDArray[np.floating],
    attributes: Values,
    *,
    groups: Sequence[str] | None = None,
    minimum: int = 10,
) -> tuple[ConceptCells, ...]:
    """AUROC of each grounder's held-out scores within each level of each attribute.

    For cells of two attributes at once give the pair as a further attribute ("PA, A").

    Args:
        grounder: Its `out_of_fold` holds the scores of `n` images.
        answers: `(n, c)` probability of yes for the grounder's concepts; nan where unknown.
        attributes: By name one value for each of the `n` images, None where unknown.
        groups: `(n,)` patient of each image; each image by itself if None.
        minimum: A cell needs that many yes and that many no.

    Raises:
        ModelsError: Answers of other images or concepts, or an attribute without two levels.
    """
    scores = grounder.out_of_fold
    if answers.shape != scores.values.shape:
        raise ModelsError(
            f"the answers have shape {answers.shape} and the held-out scores {scores.values.shape}; give "
            "those of the images and concepts that the grounders were fitted on"
        )
    stated = acquisitions(attributes, images=len(answers), minimum=2 * minimum)
    settings = grounder.settings
    draws = draw_units(
        groups if groups is not None else scores.ids,
        replicates=settings.replicates,
        generator=np.random.default_rng(settings.seed),
    )
    return tuple(
        ConceptCells(concept, tuple(cells_of(stated, column, answer, draws=draws, minimum=minimum)))
        for concept, column, answer in zip(scores.columns, scores.values.T, answers.T, strict=True)
    )


def cells_of(
    stated: Sequence[Acquisition],
    scores: NDArray[np.floating],
    answer: NDArray[np.floating],
    *,
    draws: Draws,
    minimum: int,
) -> Iterator[CellQuality]:
    """Of one concept with `scores (n,)` and `answer (n,)`, a block of replicates at a time."""
    for attribute in stated:
        for code, level in enumerate(attribute.levels):
            rows = np.flatnonzero((attribute.codes == code) & ~np.isnan(answer))
            yes = answer[rows] >= 0.5
            if min(int(yes.sum()), int((~yes).sum())) < minimum:
                continue
            steps = blocks(len(draws.counts), step=max(1, CELLS // len(rows)))
            parts = [binary_auroc(yes, scores[rows], draws.weights(step, rows)) for step in steps]
            values = np.concatenate(parts)
            bounds = interval(values[1:])
            yield CellQuality(
                attribute=attribute.name,
                level=level,
                n_yes=int(yes.sum()),
                n_no=int((~yes).sum()),
                auroc=float(values[0]),
                auroc_low=bounds.low,
                auroc_high=bounds.high,
            )
