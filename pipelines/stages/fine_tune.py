"""Stage `fine_tune`: the encoder trained end to end on each split."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

import models.torchvision_operators  # noqa: F401  # before timm
from models.baselines import (
    FineTuneSettings,
    Ingredients,
    Inputs,
    NetworkFactory,
    TrainingData,
    make_method,
)
from models.domains import DomainSplit
from models.encoder_weights import pretrained_network
from models.evaluation.audit import Predictions, read_predictions, write_predictions
from pipelines.config import Config
from pipelines.digests import content_digest, value_digest
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.stages.fit import labels_of, reported_ids
from pipelines.stages.split import read_splits
from pipelines.weights import find_weights


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
