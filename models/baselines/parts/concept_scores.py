"""Where a concept bottleneck takes its scores from: one small class a source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.baselines.interface import Inputs
from models.errors import ModelsError
from models.scaling import Scaling, ScalingKind


class ConceptScores(Protocol):
    """How strongly each concept is seen in an image."""

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        """`(n, c)`, a column a concept of the training data."""
        ...

    def tensors(self) -> Mapping[str, NDArray[np.float64]]:
        """What an artifact has to keep so that the scores can be computed again."""
        ...

    def about(self) -> Mapping[str, Any]:
        """What it has to say to that end; JSON values."""
        ...


@dataclass(frozen=True, slots=True)
class GrounderScores:
    """The probabilities of the grounders, as KnoBo reads them."""

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        """`(n, c)` as they were given."""
        return inputs.scores.astype(np.float64)

    def tensors(self) -> Mapping[str, NDArray[np.float64]]:
        """Nothing: the grounders are kept by the run."""
        return {}

    def about(self) -> Mapping[str, Any]:
        """Which source this is."""
        return {"scores": "GrounderScores"}


@dataclass(frozen=True, slots=True, eq=False)
class ConceptVectors:
    """A direction of the feature space for each concept; an image's score is its projection.

    Attributes:
        concept_ids: `(c,)`.
        vectors: `(c, d) float64`, each of length 1.
        offset: `(c,) float64`, added to the projection.
        scaling: Of the features before they are projected.
    """

    concept_ids: tuple[str, ...]
    vectors: NDArray[np.float64]
    offset: NDArray[np.float64]
    scaling: Scaling

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        """`(n, c)`."""
        return np.asarray(self.scaling.apply(inputs.features) @ self.vectors.T + self.offset)

    def tensors(self) -> Mapping[str, NDArray[np.float64]]:
        """The vectors, and the scaling of the features."""
        return {
            "vectors": self.vectors,
            "offset": self.offset,
            "feature_center": self.scaling.center,
            "feature_scale": self.scaling.scale,
        }

    def about(self) -> Mapping[str, Any]:
        """Which source this is, and how it scales features."""
        return {"scores": "ConceptVectors", "feature_scaling": self.scaling.kind}


def text_vectors(image_text: NDArray[np.float32] | None, *, method: str) -> ConceptVectors:
    """Cosines of an image with the text of each concept, `image_text (c, d)`; no offset.

    Raises:
        ModelsError: The encoder reads images only.
    """
    if image_text is None:
        raise ModelsError(
            f"{method} compares images with text and this encoder reads images only; choose an encoder with "
            "a text side (CLIP, SigLIP or OpenCLIP, e.g. yyupenn/whyxrayclip) or leave the method out"
        )
    long = np.asarray(image_text, dtype=np.float64)
    count, width = long.shape
    return ConceptVectors(
        concept_ids=(),
        vectors=long / np.linalg.norm(long, axis=1, keepdims=True),
        offset=np.zeros(count),
        scaling=Scaling(ScalingKind.UNIT, np.zeros(width), np.ones(width)),
    )
