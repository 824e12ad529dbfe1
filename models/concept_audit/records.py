"""What the concept-level audit says of domains; None where a number does not exist."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Leak:
    """How far a concept's score tells an attribute among images of the same class.

    Attributes:
        split, concept_id: Whose score.
        attribute, value: Images with this value against those with another.
        auroc: Of the score for the value, mean over the classes: 0.5 where the score does not move.
        low, high: 95 % bootstrap interval over patients.
        signal: |2 AUROC - 1| of the score for the class among images of the same value, mean over the values
            that have images of two classes: 0 where the score tells nothing of the class. None where no
            value has.
        answer_auroc: As `auroc`, of the known answers in place of the score: what of it is in the images'
            findings. None where too few are known.
        given_answer: As `auroc`, among images of the same class and the same answer: what the detector sees
            of the attribute and the findings do not explain. None where too few are known.
        push: What the value by itself adds to the logit of `push_class` over the other class, mean over
            classes and seeds. None without a head, or with more than two classes.
        n: Images whose value is known.
        push_class: The split's last class; empty where there is no push.
    """

    split: str
    concept_id: str
    attribute: str
    value: str
    auroc: float
    low: float
    high: float
    signal: float | None
    answer_auroc: float | None
    given_answer: float | None
    push: float | None
    n: int
    push_class: str = ""

    @property
    def leaking(self) -> bool:
        """Whether the interval leaves 0.5 out; of twenty rows in which nothing moves, one does."""
        return self.low > 0.5 or self.high < 0.5

    @property
    def strength(self) -> float:
        """The end of the interval that is nearer to 0.5, as |2 AUROC - 1|; 0 where 0.5 lies within."""
        return max(0.0, 2 * self.low - 1, 1 - 2 * self.high)

    @property
    def rank(self) -> tuple[float, float, float, str, str, str, str]:
        """Smallest for what moves most; of two that move alike, for the one that says less of the class.

        One of which that cannot be said comes after.
        """
        signal = inf if self.signal is None else self.signal
        names = (self.split, self.attribute, self.value, self.concept_id)
        return -self.strength, signal, -abs(self.auroc - 0.5), *names


@dataclass(frozen=True, slots=True)
class ConceptCalibration:
    """A concept's scores against known answers in one domain.

    Attributes:
        split, domain, concept_id: Whose scores, on which images.
        n_yes, n_no: Images with that answer.
        auroc, low, high: Of the score for the answer, with 95 % interval over patients.
        mean_score: Over the images with an answer.
        share: Of these whose answer is yes.
        brier: Mean squared distance of score and answer.
        ece: Distance of mean score and share of yes in ten bins of equally many images, mean over the bins.
    """

    split: str
    domain: str
    concept_id: str
    n_yes: int
    n_no: int
    auroc: float | None
    low: float | None
    high: float | None
    mean_score: float
    share: float
    brier: float
    ece: float


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """What the head says when its concepts are taken from it.

    Attributes:
        split, domain: Which images.
        scores: `as_they_are`; `zeroed`: every concept at its training mean (0 where the head does not
            centre); `permuted`: each concept's scores dealt to other images; `other_image`: all scores of
            another image; `random`: drawn evenly from [0, 1].
        accuracy, low, high: Mean over seeds, with 95 % interval over patients.
        log_loss: Mean over seeds of the mean -log p of the label.
        n: Images.
    """

    split: str
    domain: str
    scores: str
    accuracy: float
    low: float
    high: float
    log_loss: float
    n: int


@dataclass(frozen=True, slots=True)
class Deletion:
    """Accuracy when the concepts that speak loudest for each image's answer are set to their training mean.

    Attributes:
        split, domain: Which images.
        order: `largest`: by what they add to the predicted class; `smallest`: the reverse; `random`.
        removed: Numbers of concepts at their mean.
        accuracy: As many, mean over seeds.
        same: Share of the images that keep their class, as many.
        n: Images.
    """

    split: str
    domain: str
    order: str
    removed: tuple[int, ...]
    accuracy: tuple[float, ...]
    same: tuple[float, ...]
    n: int
