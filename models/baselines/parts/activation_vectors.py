"""Concept activation vectors: the normal of a linear SVM between images with and without a concept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

from models.baselines.interface import ConceptExamples
from models.baselines.parts.concept_scores import ConceptVectors
from models.baselines.parts.once import once
from models.errors import ModelsError
from models.scaling import Scaling, ScalingKind


@dataclass(frozen=True, slots=True)
class VectorSettings:
    """How concept activation vectors are learnt.

    Attributes:
        C: Of the SVM, as in scikit-learn; the original tries 0.001 to 10.
        per_side: Images with and as many without the concept, drawn at random; 50 to 100 in the original.
        seed: Of the draw.
    """

    C: float = 0.01
    per_side: int = 100
    seed: int = 0


def learnt_vectors(
    examples: ConceptExamples | None, settings: VectorSettings | None = None, *, method: str
) -> ConceptVectors:
    """One linear SVM a concept on standardised features (Yuksekgonul et al. 2023, section 2).

    A score is the signed distance from the separating plane, so that its sign is the SVM's decision.
    They depend neither on a split nor on a seed of the heads.

    Raises:
        ModelsError: No examples, or a concept that all images answer alike.
    """
    if examples is None:
        raise ModelsError(
            f"{method} learns concepts from images with reports and none were given; "
            "name them in [grounding] datasets or leave the method out"
        )
    return fit_vectors(examples, settings or VectorSettings())


@once(capacity=4)
def fit_vectors(examples: ConceptExamples, settings: VectorSettings) -> ConceptVectors:
    """One plane a concept; the same examples are fitted once."""
    scaling = Scaling.fit(ScalingKind.STANDARD, examples.features)
    planes = []
    for column, concept in enumerate(examples.concept_ids):
        answers = examples.answers[:, column]
        rows = balanced_rows(answers, concept=concept, settings=settings, stream=column)
        planes.append(separate(scaling.apply(examples.features[rows]), answers[rows] >= 0.5, C=settings.C))
    vectors, offset = (np.array(side) for side in zip(*planes, strict=True))
    return ConceptVectors(examples.concept_ids, vectors, offset, scaling)


def balanced_rows(
    answers: NDArray[np.float32], *, concept: str, settings: VectorSettings, stream: int
) -> NDArray[np.int64]:
    """As many images with the concept as without."""
    sides = [np.flatnonzero(answers < 0.5), np.flatnonzero(answers >= 0.5)]
    count = min(settings.per_side, *(len(side) for side in sides))
    if count == 0:
        raise ModelsError(
            f"all images with a known answer answer {concept!r} alike; give images of both kinds or "
            "leave the concept out"
        )
    generator = np.random.default_rng((settings.seed, stream))
    return np.concatenate([generator.choice(side, count, replace=False) for side in sides])


def separate(
    inputs: NDArray[np.float64],
    yes: NDArray[np.bool_],
    *,
    C: float,  # noqa: N803  # scikit-learn's name
) -> tuple[NDArray[np.float64], float]:
    """Unit normal `(d,)` and offset of the plane that a linear SVM on `inputs (n, d)` finds.

    There are fewer images than features, so the SVM is solved on their products.
    """
    svm = SVC(C=C, kernel="precomputed").fit(inputs @ inputs.T, yes)
    normal = svm.dual_coef_[0] @ inputs[svm.support_]
    length = float(np.linalg.norm(normal))
    return normal / length, float(svm.intercept_[0]) / length
