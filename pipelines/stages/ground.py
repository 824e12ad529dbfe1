"""Stages `ground` and `score`: concept detectors, and what they see in every image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import models.torchvision_operators  # noqa: F401  # before timm
from knowledge.annotation.table import AnnotationTable, Answer, read_annotations
from models.baselines import ConceptExamples
from models.features.table import FeatureTable
from models.grounding import Calibration, fit_grounders
from models.grounding.grounder import Grounder, GroundingSettings
from models.images import ImageRecord
from models.scaling import ScalingKind
from pipelines.config import GroundingSection
from pipelines.errors import PipelineError
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.stages.split import read_splits


def ground(run: Run) -> None:
    """One detector a concept."""
    known = read_examples(run, FeatureTable.load(run.path("features")))
    fit_on(run, known, known.features, row_weights=None, what="ground").save(run.path("grounder"))


def fit_on(
    run: Run,
    known: "Examples",
    features: FeatureTable,
    *,
    row_weights: NDArray[np.float64] | None,
    what: str,
) -> Grounder:
    """Detectors on the features of the grounding images, or on another version of them."""
    section = run.config.grounding
    return fit_grounders(
        features,
        known.answers,
        concept_ids=known.concept_ids,
        groups=known.patients,
        settings=grounding_settings(section, seed=run.config.seed),
        row_weights=row_weights,
        progress=run.reporter.work(what, "concepts"),
    )


@dataclass(frozen=True, slots=True)
class Examples:
    """Images of the grounding data sets and what is known of them.

    Attributes:
        records: `(n,)`.
        features: `(n, d)`.
        concept_ids: `(c,)`.
        answers: `(n, c)` probability of yes; nan where unknown.
    """

    records: tuple[ImageRecord, ...]
    features: FeatureTable
    concept_ids: tuple[str, ...]
    answers: NDArray[np.float32]

    @property
    def patients(self) -> list[str]:
        """Patient of each image, the image by itself where none is known."""
        return [record.patient or record.id for record in self.records]

    def of(self, concept_ids: Sequence[str]) -> ConceptExamples:
        """Some of the concepts, in this order."""
        place = {concept: column for column, concept in enumerate(self.concept_ids)}
        columns = [place[concept] for concept in concept_ids]
        return ConceptExamples(tuple(concept_ids), self.features.values, self.answers[:, columns])


def read_examples(run: Run, features: FeatureTable) -> Examples:
    """What the concepts of the run are learnt from."""
    return examples_of(run, features, read_annotations(run.path("annotations.parquet")))


def examples_of(run: Run, features: FeatureTable, tables: Sequence[AnnotationTable]) -> Examples:
    """What the concepts of some annotations are learnt from."""
    records = {record.id: record for record in grounding_records(run)}
    ids = tuple(image for image in features.ids if image in records)
    concept_ids, answers = answer_matrix(ids, tables)
    return Examples(
        records=tuple(records[image] for image in ids),
        features=FeatureTable(ids, features.columns, features.rows(ids)),
        concept_ids=concept_ids,
        answers=answers,
    )


def grounding_records(run: Run) -> list[ImageRecord]:
    """Images that concepts are learnt from; refuses patients that a split also uses."""
    table = read_images(run.path("images.parquet"))
    records = table.of(run.config.grounding.datasets)
    used = {image for split in read_splits(run) for image in split.label}
    contents = {r.path: d for r, d in zip(table.records, table.digests, strict=True)}
    evaluated = {contents[r.path] for r in table.records if r.id in used}
    patients = {r.patient for r in table.records if r.id in used and r.patient}
    shared = [r for r in records if contents[r.path] in evaluated or r.patient in patients]
    if shared:
        raise PipelineError(
            f"{len(shared)} grounding images, or their patients, are also in a split; "
            "use `where` or `half` so that the two sets are apart"
        )
    return records


def answer_matrix(
    ids: Sequence[str], tables: Sequence[AnnotationTable]
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Concepts in order of first appearance, and `(n, c)` probability of yes; nan where unknown.

    Where two annotators answer the same cell, the later table (an expert's) wins.
    """
    concept_ids = tuple(dict.fromkeys(name for table in tables for name in table.concept_ids))
    answers = np.full((len(ids), len(concept_ids)), np.nan, np.float32)
    row = {image: place for place, image in enumerate(ids)}
    column = {concept: place for place, concept in enumerate(concept_ids)}
    for table in tables:
        known = [(place, row[image]) for place, image in enumerate(table.report_ids) if image in row]
        if not known:
            continue
        sources, targets = (np.array(side) for side in zip(*known, strict=True))
        values = np.where(table.answer == Answer.UNKNOWN, np.nan, table.probability)
        for place, concept in enumerate(table.concept_ids):
            said = ~np.isnan(values[sources, place])
            answers[targets[said], column[concept]] = values[sources[said], place]
    return concept_ids, answers


def grounding_settings(section: GroundingSection, *, seed: int) -> GroundingSettings:
    """As configured."""
    return GroundingSettings(
        C=section.C,
        balanced=section.balanced,
        scaling=ScalingKind(section.scaling),
        calibration=Calibration(section.calibration),
        soft=section.soft,
        equal_size=section.equal_size,
        folds=section.folds,
        minimum=section.minimum,
        seed=seed,
    )


def score(run: Run) -> None:
    """Concept probabilities of every image, for the concepts that are kept."""
    kept_grounder(run).score(FeatureTable.load(run.path("features"))).save(run.path("scores"))


def kept_grounder(run: Run) -> Grounder:
    """The best detectors of the run's own features."""
    return best(Grounder.load(run.path("grounder")), run.config.grounding)


def best(grounder: Grounder, section: GroundingSection) -> Grounder:
    """The best detectors whose quality is above chance."""
    good = sum(item.auroc_low > section.minimum_auroc for item in grounder.quality)
    if good < 2:
        raise PipelineError(
            f"only {good} of {len(grounder.quality)} concepts can be seen in the features "
            "better than chance; add grounding images or literature, or lower [grounding] minimum_auroc"
        )
    return grounder.best(min(section.keep, good))
