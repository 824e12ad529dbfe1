"""The concept-level audit of one split, all that needs its heads and scores together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.acquisition.attributes import Acquisition
from models.concept_audit.agreement import prior_agreement
from models.concept_audit.answer_records import Completeness
from models.concept_audit.calibration import calibrate_concepts
from models.concept_audit.completeness import completeness
from models.concept_audit.deletion import delete_concepts
from models.concept_audit.existence import concept_existence
from models.concept_audit.faithfulness import measure_faithfulness
from models.concept_audit.importance import class_importance
from models.concept_audit.leaks import MINIMUM, find_leaks
from models.concept_audit.records import Leak
from models.concept_audit.report import ConceptAudit, join
from models.concept_audit.scored_images import ScoredImages
from models.domains import DomainSplit
from models.errors import ModelsError
from models.evaluation.audit import AuditSettings
from models.evaluation.predictions import Predictions
from models.features.table import FeatureTable
from models.what_if.split_heads import SplitHeads

MOST_LEVELS = 6  # values of an attribute, above which it is a measurement rather than a kind


@dataclass(frozen=True, slots=True, eq=False)
class SplitEvidence:
    """What is known of one split.

    Attributes:
        split: The split.
        scores: Of its images, at least, by detectors that have not learnt from them.
        heads: KnoBo on it; None where none was trained.
        answers: By image id `(c,)`, in the order of the scores' columns; nan where unknown.
        attributes: By name one value for each of `split.ids`, None where unknown.
        predictions: Of all methods on the split.
    """

    split: DomainSplit
    scores: FeatureTable
    heads: SplitHeads | None
    answers: Mapping[str, NDArray[np.floating]]
    attributes: Mapping[str, Sequence[str | None]]
    predictions: Sequence[Predictions]

    def images(self, ids: Sequence[str]) -> ScoredImages:
        """Some of the images."""
        unknown = np.full(len(self.scores.columns), np.nan, dtype=np.float32)
        answers = [self.answers.get(image, unknown) for image in ids]
        return ScoredImages(
            split=self.split.name,
            concept_ids=self.scores.columns,
            scores=self.scores.rows(ids),
            answers=np.stack(answers) if answers else np.empty((0, len(unknown)), dtype=np.float32),
            labels=self.split.targets(ids),
            units=self.split.units(ids),
        )


def audit_split(evidence: SplitEvidence, *, settings: AuditSettings | None = None) -> ConceptAudit:
    """Every part that one split gives; those of the bank stay empty."""
    settings = settings or AuditSettings()
    split, heads = evidence.split, evidence.heads
    domains = {"in_domain": split.in_domain, "shifted": split.shifted}
    calibration = [
        found
        for domain, ids in domains.items()
        if ids
        for found in calibrate_concepts(evidence.images(ids), domain=domain, settings=settings)
    ]
    leaks, notes = leaks_of_attributes(evidence, settings=settings)
    audit = ConceptAudit(leaks=leaks, calibration=tuple(calibration), notes=notes)
    return audit if heads is None else join([audit, audit_heads(evidence, heads, settings=settings)])


def leaks_of_attributes(
    evidence: SplitEvidence, *, settings: AuditSettings
) -> tuple[tuple[Leak, ...], tuple[str, ...]]:
    """Every attribute that has a few values, and a sentence for each that has not."""
    images = evidence.images(evidence.split.ids)
    heads = evidence.heads.heads if evidence.heads else ()
    found: list[Leak] = []
    notes: list[str] = []
    for name, values in evidence.attributes.items():
        try:
            levels = len(Acquisition.of(name, values, minimum=MINIMUM).levels)
        except ModelsError:
            levels = 1
        if 2 <= levels <= MOST_LEVELS:
            found += find_leaks(images, attribute=name, values=values, heads=heads, settings=settings)
        else:
            notes.append(
                f"Whether concepts move with {name} on {evidence.split.name} is not said: it needs two to "
                f"{MOST_LEVELS} values with at least {MINIMUM} images each."
            )
    return tuple(found), tuple(notes)


def audit_heads(evidence: SplitEvidence, heads: SplitHeads, *, settings: AuditSettings) -> ConceptAudit:
    """What concerns the heads."""
    split = evidence.split
    training = evidence.images(split.train)
    complete = completeness(split, evidence.predictions, settings=settings)
    return ConceptAudit(
        faithfulness=measure_faithfulness(heads, settings=settings),
        deletions=delete_concepts(heads, seed=settings.seed),
        importance=(
            ()
            if np.isnan(training.answers).all()
            else class_importance(evidence.images(split.in_domain), training, heads.heads)
        ),
        existence=tuple(
            found
            for domain, ids in (("in_domain", split.in_domain), ("shifted", split.shifted))
            if ids
            for found in concept_existence(
                evidence.images(ids), heads.heads, domain=domain, settings=settings
            )
        ),
        completeness=complete,
        agreement=prior_agreement(split.name, heads.heads, seed=settings.seed),
        notes=tuple(incomplete(split, complete)),
    )


def incomplete(split: DomainSplit, found: Sequence[Completeness]) -> Iterator[str]:
    """A sentence for each domain in which the features themselves tell nothing of the classes."""
    for domain, ids in (("in_domain", split.in_domain), ("shifted", split.shifted)):
        if ids and found and domain not in {each.domain for each in found}:
            yield (
                f"Completeness on {split.name}, {domain}, is not said: {found[0].reference} is no better "
                "than chance there."
            )
