"""All that the report shows, as plain frozen values; the stage that writes the report fills them in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from knowledge.annotation.agreement import Agreement
from knowledge.concepts import Concept, ConceptBank, Verdict
from knowledge.passages import Passage
from knowledge.priors import Prior, WrittenDisagreement
from models.acquisition.erasure import Erased
from models.concept_audit import ConceptAudit
from models.domains import DomainSplit
from models.evaluation.report import AuditReport
from models.grounding.concept_records import Inseparable, Ungrounded
from models.splits.checks.finding import CheckFinding
from models.what_if.ablation import Ablation
from pipelines.report.facts import NO_CARDS, Cards
from pipelines.what_if.curve_report import CurveReport

if TYPE_CHECKING:  # it brings every method with it, which a reader of a finished run need not wait for
    from pipelines.concept_choice import ConceptChoice


@dataclass(frozen=True, slots=True)
class GrounderQuality:
    """How well one concept's detector finds it, cross-validated.

    Attributes:
        concept_id: The concept.
        auroc: Area under the ROC curve; nan where it cannot be estimated.
        low, high: 95 % interval of `auroc`.
        balanced_accuracy: At the threshold 0.5.
        n_yes, n_no: Annotated images behind it.
        kept: Whether the classifier uses the concept.
    """

    concept_id: str
    auroc: float
    low: float
    high: float
    balanced_accuracy: float
    n_yes: int
    n_no: int
    kept: bool


@dataclass(frozen=True, slots=True)
class ConceptWeights:
    """What KnoBo learned on one split.

    Attributes:
        split: Name of the split.
        classes: `(k,)`.
        concept_ids: `(c,)`.
        values: `(k, c) float32`, mean over the seeds.
    """

    split: str
    classes: tuple[str, ...]
    concept_ids: tuple[str, ...]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Contribution:
    """One concept's part in one decision.

    Attributes:
        concept_id: The concept.
        score: Its probability in the image.
        weight: For the predicted class; with two classes less that of the other, so that the sum is the log
            odds. Of the score itself, however the head scales it.
        amount: What it adds; None where that is (score - usual) times weight to the last digit.
        usual: What the score is measured from: its training mean where the head centres, else 0.
    """

    concept_id: str
    score: float
    weight: float
    amount: float | None = None
    usual: float = 0.0

    @property
    def value(self) -> float:
        """What it adds to the decision."""
        return (self.score - self.usual) * self.weight if self.amount is None else self.amount


@dataclass(frozen=True, slots=True)
class Explanation:
    """One image, the class KnoBo gave it, and why.

    Attributes:
        caption: How the image may be named in a report that is passed on; never a patient id.
        split, domain: Where the image comes from; `domain` is `in_domain` or `shifted`.
        truth, predicted: Class names; `truth` is empty where unknown.
        probability: Of the predicted class.
        contributions: For the predicted class, in any order.
        image: PNG bytes of a thumbnail; None where images must not be shown.
        image_id: By which its concept maps are found.
        other: With two classes the one that was not predicted; contributions then add up to the log odds.
    """

    caption: str
    split: str
    domain: str
    truth: str
    predicted: str
    probability: float
    contributions: tuple[Contribution, ...]
    image: bytes | None = None
    image_id: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What was done against how the images were taken.

    Attributes:
        erased: The attributes, as they were taken out of the features.
        images: That grounded the concepts.
        choice: Concepts within each value of the attributes, and what fewer concepts do.
    """

    erased: tuple[Erased, ...]
    images: int
    choice: "ConceptChoice"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from.

    Attributes:
        config_digest: Of the configuration that the run used.
        versions: Version by package or model name.
        seed: Of the run.
        commit: Of the code; empty outside a checkout.
        seconds: Time by stage, in the order of the run.
    """

    config_digest: str
    versions: Mapping[str, str]
    seed: int
    commit: str
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ReportInput:
    """One finished run.

    Attributes:
        run: Name of the run.
        modality: What the images are, as a reader would say it, e.g. `chest X-ray`.
        audit: The numbers.
        splits: Every split audited, with its checks.
        bank: The accepted concepts.
        passages: Every passage that a concept quotes, by id.
        verdicts: Screening outcomes; those that did not pass are shown with their reason.
        candidates: The rejected concepts, for their questions; may be incomplete.
        quality: Detectors of the accepted concepts.
        prior: Signs by class and concept.
        weights: One for each split.
        explanations: Two or three worked examples, or none.
        provenance: Where the numbers come from.
        outside_mean: Splits that do not enter the mean.
        credits: Sentences that name the literature and its terms.
        disagreements: Cells on which two sources of the prior differ, opposite signs first.
        agreements: How far annotators agree, over all concepts and by concept.
        ablation: KnoBo with each concept, and with all, at its training mean.
        acquisition: None where no acquisition attribute is named.
        inseparable: Groups of concepts with the same answers on nearly all images that they were learnt from.
        ungrounded: Concepts with too few answers of one kind to be learnt.
        cards: What the data card and the model card say.
        findings: Checks of the images by content and by feature.
        concept_audit: What the concepts do across domains; None where that was not looked at.
        interventions: What true answers to the concepts are worth; None where that was not looked at.
    """

    run: str
    modality: str
    audit: AuditReport
    splits: tuple[DomainSplit, ...]
    bank: ConceptBank
    passages: Mapping[str, Passage]
    verdicts: tuple[Verdict, ...]
    candidates: tuple[Concept, ...]
    quality: tuple[GrounderQuality, ...]
    prior: Prior
    weights: tuple[ConceptWeights, ...]
    explanations: tuple[Explanation, ...]
    provenance: Provenance
    outside_mean: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()
    disagreements: tuple[WrittenDisagreement, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    ablation: tuple[Ablation, ...] = ()
    acquisition: Acquisition | None = None
    inseparable: tuple[Inseparable, ...] = ()
    ungrounded: tuple[Ungrounded, ...] = ()
    cards: Cards = NO_CARDS
    findings: tuple[CheckFinding, ...] = ()
    concept_audit: ConceptAudit | None = None
    interventions: CurveReport | None = None
