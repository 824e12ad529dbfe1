"""Stages on results: fit every method on every split, audit what they predict, write the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

import models.torchvision_operators  # noqa: F401  # before timm
from knowledge.concepts import ConceptBank
from knowledge.priors import Prior, load_prior
from models.baselines import (
    FineTuneSettings,
    Fitted,
    Ingredients,
    Inputs,
    NetworkFactory,
    TrainingData,
    make_method,
)
from models.domains import DomainSplit
from models.encoder_weights import pretrained_network
from models.evaluation.audit import AuditSettings, Predictions, audit, read_predictions, write_predictions
from models.feature_table import FeatureTable
from models.heads import HeadSettings
from models.scaling import ScalingKind
from pipelines.config import Config
from pipelines.digests import content_digest, value_digest
from pipelines.directories import new_directory
from pipelines.images_table import read_images
from pipelines.report.write import write_report
from pipelines.run import Run
from pipelines.stages.image import kept_grounder, read_splits
from pipelines.stages.report_input import report_input
from pipelines.weights import find_weights


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


def fine_tune(run: Run) -> None:
    """The encoder trained end to end on each split; a split that is done is not done again after a kill."""
    section = run.config.fine_tune
    target = run.path("predictions_fine_tune.parquet")
    run.path("models_fine_tune").mkdir(exist_ok=True)
    if not section.enabled:
        write_predictions(target, [])
        return
    splits = read_splits(run)
    paths = {record.id: record.path for record in read_images(run.path("images.parquet")).records}
    predictions = []
    for number, split in enumerate(splits, start=1):
        what = f"fine-tune {number}/{len(splits)} {split.name}"
        predictions.append(fine_tune_split(run, split, paths, what=what))
    write_predictions(target, predictions)


def fine_tune_split(run: Run, split: DomainSplit, paths: Mapping[str, Path], *, what: str) -> Predictions:
    """One split's networks, or what an earlier, interrupted run kept of them."""
    section = run.config.fine_tune
    key = value_digest(
        [
            content_digest(run.path(f"splits/{split.name}.json")),
            section.model_dump(mode="json"),
            run.config.encoder.model_dump(mode="json"),
            run.config.seed,
            FINE_TUNE_VERSION,
        ]
    )
    piece = run.path(f"models_fine_tune/{split.name}-{key[:16]}.parquet")
    if not piece.exists():
        small = subsample(split, section.images, seed=run.config.seed)
        given = Ingredients(
            network=network_factory(run.config),
            fine_tune=FineTuneSettings(epochs=section.epochs, size=section.size),
        )
        seeds = tuple(range(run.config.seed, run.config.seed + section.seeds))
        progress = run.reporter.work(what, "images")
        fitted = make_method("fine_tune", given).fit(pixel_data(small, paths), seeds=seeds, progress=progress)
        fitted.save(run.path(f"models_fine_tune/{split.name}"))
        ids = reported_ids(split)
        probabilities = fitted.predict(pixel_inputs(ids, paths))
        write_predictions(piece, [Predictions("fine_tune", split.name, seeds, ids, probabilities)])
    return read_predictions(piece)[0]


FINE_TUNE_VERSION = 1


def pixel_inputs(ids: Sequence[str], paths: Mapping[str, Path]) -> Inputs:
    """Image files alone."""
    nothing = np.zeros((len(ids), 0), np.float32)
    return Inputs(nothing, nothing, tuple(paths[image] for image in ids))


def pixel_data(split: DomainSplit, paths: Mapping[str, Path]) -> TrainingData:
    """Training and validation image files of a split."""
    return TrainingData(
        classes=split.classes,
        concept_ids=(),
        prior=np.zeros((len(split.classes), 0), np.float32),
        train=pixel_inputs(split.train, paths),
        train_labels=labels_of(split, split.train),
        validation=pixel_inputs(split.validation, paths),
        validation_labels=labels_of(split, split.validation),
    )


def subsample(split: DomainSplit, images: int, *, seed: int) -> DomainSplit:
    """The split with at most so many training images, in the shares of its classes."""
    if len(split.train) <= images:
        return split
    order = np.random.default_rng(seed).permutation(len(split.train))
    shuffled = [split.train[place] for place in order]
    each = images // len(split.classes)
    chosen = {
        image for name in split.classes for image in [i for i in shuffled if split.label[i] == name][:each]
    }
    return replace(split, train=tuple(image for image in split.train if image in chosen))


def network_factory(config: Config) -> NetworkFactory:
    """Makes the pretrained default encoder with a new head."""
    weights = find_weights(config.encoder.weights)

    def make(classes: int) -> nn.Module:
        return pretrained_network(config.encoder.architecture, weights, classes=classes)

    return make


def measure(run: Run) -> None:
    """The audit: every number of the report."""
    section = run.config.audit
    predictions = [
        *read_predictions(run.path("predictions.parquet")),
        *read_predictions(run.path("predictions_fine_tune.parquet")),
    ]
    found = audit(
        predictions,
        read_splits(run),
        mean=[split.name for split in run.config.splits if split.in_mean],
        notes=notes(run.config),
        settings=AuditSettings(replicates=section.replicates, seed=run.config.seed),
        progress=run.reporter.work("audit", "splits"),
    )
    found.save(run.path("audit.json"))


def notes(config: Config) -> list[str]:
    """Sentences a reader must know."""
    said = []
    if config.fine_tune.enabled:
        said.append(
            f"fine_tune trained for {config.fine_tune.epochs} epochs on at most "
            f"{config.fine_tune.images} images a split, the other methods on all."
        )
    outside = [split.name for split in config.splits if not split.in_mean]
    if outside:
        said.append(f"Not in the mean: {', '.join(outside)}.")
    return said


def report(run: Run) -> None:
    """audit.md and report.html."""
    write_report(report_input(run), run.directory)
