"""Where in an image a detector sees its concept: concept activation maps of features that know their place.

The features of the grid are averages over cells, and a detector has weights of its own for every cell. What
the channels of one cell add to its logit is that cell's share of the answer: with CoAM of arXiv 2501.19271,
whose weights are the same everywhere, it has in common that the mean of the map is the weights' product with
the features.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelsError
from models.grounding.grounder import Grounder
from models.scaling import ScalingKind


def concept_maps(
    grounder: Grounder, features: NDArray[np.floating], *, concept_ids: Sequence[str], cells: int
) -> NDArray[np.float64]:
    """Maps `(n, len(concept_ids), cells, cells)` of `features (n, channels x cells x cells)`.

    Their mean over the cells and the detector's bias are its logit.

    Raises:
        ModelsError: Detectors without such a grid, or a concept without a detector.
    """
    chosen = detectors(grounder, concept_ids, cells)
    scaled = chosen.scaling.apply(features).reshape(len(features), -1, cells, cells)
    weight = chosen.weight.reshape(len(concept_ids), -1, cells, cells)
    return np.asarray(cells**2 * np.einsum("nkij,ckij->ncij", scaled, weight, optimize=True))


def fine_maps(
    grounder: Grounder, inner: NDArray[np.floating], *, concept_ids: Sequence[str], cells: int
) -> NDArray[np.float64]:
    """Maps `(n, len(concept_ids), h, w)` of the encoder's inner maps `inner (n, channels, h, w)`.

    Each pixel has its share of the cells that average over it. As in `concept_maps`, their mean and the bias
    are the logit.

    Raises:
        ModelsError: Maps of other channels, or a concept without a detector.
    """
    chosen = detectors(grounder, concept_ids, cells)
    channels, height, width = inner.shape[1:]
    weight = (chosen.weight / chosen.scaling.scale).reshape(len(concept_ids), -1, cells, cells)
    center = chosen.scaling.center.reshape(-1, cells, cells)
    if channels != len(center):
        raise ModelsError(f"the maps have {channels} channels and the detectors read {len(center)}")
    values = inner.astype(np.float64)
    if chosen.scaling.kind is ScalingKind.UNIT:
        values /= np.linalg.norm(pooled(values, cells), axis=1)[:, None, None, None]
    found = np.zeros((len(inner), len(concept_ids), height, width))
    for row, across in enumerate(spans(height, cells)):
        for column, down in enumerate(spans(width, cells)):
            part = values[:, :, across, down] - center[:, row, column, None, None]
            area = part.shape[2] * part.shape[3]
            found[:, :, across, down] += np.einsum("nkij,ck->ncij", part, weight[:, :, row, column]) / area
    return np.asarray(found * height * width)


def pooled(inner: NDArray[np.floating], cells: int) -> NDArray[np.float64]:
    """Averages over cells, `(n, channels x cells x cells)`, as the encoder's grid takes them."""
    across, down = (list(spans(size, cells)) for size in inner.shape[2:])
    means = [[inner[:, :, rows, columns].mean(axis=(2, 3)) for columns in down] for rows in across]
    return np.asarray(np.moveaxis(np.array(means), (0, 1), (2, 3)).reshape(len(inner), -1), dtype=np.float64)


def spans(size: int, cells: int) -> list[slice]:
    """Pixels of each cell along a side, as adaptive pooling divides them: neighbours may overlap by one."""
    return [slice(cell * size // cells, -(-(cell + 1) * size // cells)) for cell in range(cells)]


def detectors(grounder: Grounder, concept_ids: Sequence[str], cells: int) -> Grounder:
    """Those of some concepts; refused if they do not read a grid of so many cells."""
    if grounder.weight.shape[1] % cells**2:
        raise ModelsError(
            f"{grounder.weight.shape[1]} features are no grid of {cells} x {cells} cells; "
            "give the cells of the encoder that the detectors were fitted on"
        )
    return grounder.subset(concept_ids)
