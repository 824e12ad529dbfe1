"""What the concept-level audit says of the bank and of single images; None where a number does not exist."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConceptPair:
    """Two concepts that are hard to tell apart.

    Attributes:
        first, second: Concept ids.
        n_both: Grounding images with an answer to both.
        n_differ: Of these with different answers; where it is 0, one detector could be the other.
        correlation: Of their scores over the images of the splits.
        cosine: Of the questions' vectors. None where no text encoder was asked.
    """

    first: str
    second: str
    n_both: int
    n_differ: int
    correlation: float
    cosine: float | None


@dataclass(frozen=True, slots=True)
class PriorAgreement:
    """How far the learned weights follow the prior's signs.

    Attributes:
        split, class_name: Of the head.
        n: Concepts with a sign for the class.
        agreeing: Of these whose mean weight over the seeds has the sign.
        weighted: The same, each concept counting by the size of its weight.
        cosine: Of tanh of the mean weights and the prior.
        chance: Mean of `weighted` with the signs dealt to other concepts.
    """

    split: str
    class_name: str
    n: int
    agreeing: int
    weighted: float | None
    cosine: float | None
    chance: float | None


@dataclass(frozen=True, slots=True)
class BankDiversity:
    """How different the concepts of the bank are from each other.

    Attributes:
        of: `questions` (vectors of the texts), `detectors` (their weights), `scores` (centred, over images).
        n: Concepts.
        diversity: Mean of 1 - cosine over pairs of different concepts (KnoBo).
        as_released: What the released code prints, ((n - 1) diversity + 1) / n: its diagonal counts as 1.
        effective: exp of the entropy of the eigenvalues of the matrix of cosines: as many concepts of equal
            weight and without anything in common would have it.
        nearest: Mean over the concepts of the largest cosine with another.
    """

    of: str
    n: int
    diversity: float
    as_released: float
    effective: float
    nearest: float


@dataclass(frozen=True, slots=True)
class ConceptMap:
    """Where in an image a detector sees its concept.

    Attributes:
        split, domain, image, concept_id: Which.
        rows, columns: Of the map, which covers the part of the image that the encoder sees.
        values: `rows * columns` numbers, row by row; their mean and the offset make the detector's logit.
        offset: What the detector says of an image with average features.
        score: The concept's probability in the image.
        amount: What the concept adds to the logit of the predicted class, first seed.
    """

    split: str
    domain: str
    image: str
    concept_id: str
    rows: int
    columns: int
    values: tuple[float, ...]
    offset: float
    score: float
    amount: float
