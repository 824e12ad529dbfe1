"""Stage `fit`: every method but fine-tuning, on every split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import models.torchvision_operators  # noqa: F401  # before timm
from knowledge.concepts import ConceptBank
from knowledge.priors import Prior, load_prior
from models.baselines import (
    Fitted,
    Ingredients,
    Inputs,
    TrainingData,
    make_method,
)
from models.domains import DomainSplit
from models.evaluation.audit import Predictions, write_predictions
from models.feature_table import FeatureTable
from models.heads import HeadSettings
from models.scaling import ScalingKind
from pipelines.config import Config
from pipelines.directories import new_directory
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.stages.ground import kept_grounder
from pipelines.stages.split import read_splits


@dataclass(frozen=True, slots=True)
class Tables:
    """What methods look at, for every image of the run.

    Attributes:
        features: `(n, d)` of the encoder.
        scores: `(n, c)` of the kept concepts.
        paths: File by image id.
        prior: Signs; columns in the order of `scores`.
    """

    features: FeatureTable
    scores: FeatureTable
    paths: dict[str, Path]
    prior: Prior

    def inputs(self, ids: Sequence[str]) -> Inputs:
        """Rows of some images."""
        return Inputs(
            self.features.rows(ids), self.scores.rows(ids), tuple(self.paths[image] for image in ids)
        )

    def training_data(self, split: DomainSplit) -> TrainingData:
        """Training and validation images of a split, with the prior of its classes."""
        rows = [self.prior.classes.index(name) for name in split.classes]
        columns = [self.prior.concept_ids.index(name) for name in self.scores.columns]
        return TrainingData(
            classes=split.classes,
            concept_ids=self.scores.columns,
            prior=self.prior.sign[np.ix_(rows, columns)],
            train=self.inputs(split.train),
            train_labels=labels_of(split, split.train),
            validation=self.inputs(split.validation),
            validation_labels=labels_of(split, split.validation),
        )


def labels_of(split: DomainSplit, ids: Sequence[str]) -> NDArray[np.int64]:
    """Class numbers `(n,)`."""
    return np.array([split.classes.index(split.label[image]) for image in ids], dtype=np.int64)


def read_tables(run: Run) -> Tables:
    """From the artifacts of the run."""
    return Tables(
        features=FeatureTable.load(run.path("features.npz")),
        scores=FeatureTable.load(run.path("scores.npz")),
        paths={record.id: record.path for record in read_images(run.path("images.parquet")).records},
        prior=load_prior(
            run.path("prior.csv"),
            classes=[item.name for item in run.config.classes],
            bank=ConceptBank.load(run.path("concepts.jsonl")),
        ),
    )


def reported_ids(split: DomainSplit) -> tuple[str, ...]:
    """Images that the audit reads."""
    return (*split.in_domain, *split.shifted)


def head_settings(config: Config) -> HeadSettings:
    """Of the bottleneck heads and, without its prior weight, of the linear probe."""
    fit_section = config.fit
    return HeadSettings(
        strength=fit_section.prior_weight,
        epochs=fit_section.epochs,
        batch=fit_section.batch,
        learning_rate=fit_section.learning_rate,
        scaling=ScalingKind(fit_section.scores),
    )


def fit(run: Run) -> None:
    """Every method but fine-tuning: one model for each split and seed."""
    tables, splits = read_tables(run), read_splits(run)
    head = head_settings(run.config)
    given = Ingredients(
        grounder=kept_grounder(run), head=head, probe=head, probe_scaling=ScalingKind.STANDARD
    )
    seeds = range(run.config.seed, run.config.seed + run.config.fit.seeds)
    methods = [make_method(name, given) for name in run.config.fit.methods if name != "fine_tune"]
    progress, total, done = run.reporter.work("fit", "models"), len(splits) * len(methods), 0
    predictions = []
    with new_directory(run.path("models")) as directory:
        for split in splits:
            data = tables.training_data(split)
            for method in methods:
                fitted = method.fit(data, seeds=tuple(seeds))
                fitted.save(directory / method.name / split.name)
                predictions.append(predict(fitted, method.name, split, tables, seeds=tuple(seeds)))
                done += 1
                progress(done, total)
    write_predictions(run.path("predictions.parquet"), predictions)


def predict(
    fitted: Fitted, method: str, split: DomainSplit, tables: Tables, *, seeds: tuple[int, ...]
) -> Predictions:
    """On the images that the audit reads."""
    ids = reported_ids(split)
    return Predictions(method, split.name, seeds, ids, fitted.predict(tables.inputs(ids)))
