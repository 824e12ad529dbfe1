"""What the concept-level audit says of heads beside known answers; None where a number does not exist."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassImportance:
    """How far a class rests on the concepts that go with it (CGIM of arXiv 2501.19271).

    Attributes:
        split, class_name: Of the head.
        weight: CGIM1, cosine of the class's weights and the concepts' shares of yes in images of the class.
        score: CGIM2, cosine of the mean scores of rightly classified images and these shares.
        contribution: CGIM3, cosine of weights times mean scores and these shares.
        weight_contrast: As CGIM1, of weights and shares both less their mean over the classes: weights can be
            negative and shares cannot, so that CGIM1 of a signed head is far from 1 even where it is right.
        n: Images with answers.
    """

    split: str
    class_name: str
    weight: float | None
    score: float | None
    contribution: float | None
    weight_contrast: float | None
    n: int


@dataclass(frozen=True, slots=True)
class ConceptExistence:
    """Whether the concepts that an answer rests on are there (CEM of arXiv 2501.19271).

    Attributes:
        split, domain: Which images.
        top: How many concepts are looked at, by what they add to the predicted class.
        share: Of them that the answers say are there, mean over images and seeds; unknown ones left out.
        low, high: 95 % interval over patients.
        base: The same with each image's answers dealt to another image.
        right: As `share`, where a concept that speaks by being absent counts as right if it is absent.
        n: Images with answers.
    """

    split: str
    domain: str
    top: int
    share: float
    low: float
    high: float
    base: float
    right: float
    n: int


@dataclass(frozen=True, slots=True)
class ConceptLocation:
    """Whether the detectors look where the finding is (CLM of arXiv 2501.19271).

    Attributes:
        split, domain: Which images.
        top: How many concepts are looked at, by what they add to the predicted class.
        area: Share of the map that counts as looked at.
        share: Of the annotated centres within it.
        base: The same with each image's maps dealt to another image.
        n: Pairs of image and concept with a centre.
    """

    split: str
    domain: str
    top: int
    area: float
    share: float
    base: float
    n: int


@dataclass(frozen=True, slots=True)
class Completeness:
    """How much of what the features tell of the classes the concepts keep (Yeh et al., NeurIPS 2020).

    Attributes:
        split, domain: Which images.
        method: A head on the concept scores.
        reference: A head on the features.
        value: (accuracy of the method - chance) / (accuracy of the reference - chance).
        low, high: 95 % interval over patients; None where the reference is no better than chance in some.
        chance: Accuracy of always saying the most frequent class.
        n: Images.
    """

    split: str
    domain: str
    method: str
    reference: str
    value: float
    low: float | None
    high: float | None
    chance: float
    n: int
