"""Stage `fine_tune`: the encoder trained end to end on each split."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
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
from models.baselines.fine_tune_settings import PRESETS
from models.domains import DomainSplit
from models.encoders.weights import pretrained_network
from models.evaluation.predictions import Predictions, write_predictions
from pipelines.config import Config, FineTuneSection
from pipelines.digests import content_digest, value_digest
from pipelines.errors import PipelineError
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.stages.arms import predicted_ids
from pipelines.stages.split import read_splits
from pipelines.units import Unit, complete, gather, remove_others
from pipelines.weights import find_weights

VERSION = 3  # of what a unit does; another one trains all of them anew


def fine_tune(run: Run) -> None:
    """A network for each split and seed; those that are trained are not trained again."""
    root, units = run.path("models_fine_tune"), fine_tune_units(run)
    root.mkdir(exist_ok=True)
    complete(units, root, progress=run.reporter.work("fine-tune", "networks"))
    remove_others(units, root)
    write_predictions(run.path("predictions_fine_tune.parquet"), gather(units, root))


def fine_tune_part(run: Run, part: int, parts: int) -> None:
    """Every `parts`-th network, ahead of `fine_tune`."""
    root, units = run.path("models_fine_tune"), fine_tune_units(run)[part::parts]
    complete(units, root, progress=run.reporter.work("fine-tune", "networks"))


def fine_tune_units(run: Run) -> list[Unit]:
    """What is to be trained; nothing where the baseline is switched off."""
    section = run.config.fine_tune
    if not section.enabled:
        return []
    seeds = range(run.config.seed, run.config.seed + section.seeds)
    return [fine_tune_unit(run, split, seed) for split in read_splits(run) for seed in seeds]


def fine_tune_unit(run: Run, split: DomainSplit, seed: int) -> Unit:
    """One network; it rests on the images of the split, what it begins with, and how it is trained."""
    section, table = run.config.fine_tune, read_images(run.path("images.parquet"))
    digest = dict(zip((record.id for record in table.records), table.digests, strict=True))
    small = subsample(split, section.images, seed=run.config.seed)

    def train(folder: Path, seeds: Sequence[int]) -> Predictions:
        paths = {record.id: record.path for record in table.records}
        given = Ingredients(network=network_factory(run.config), fine_tune=training(section))
        progress = run.reporter.work(f"fine-tune {split.name}", "images")
        fitted = make_method("fine_tune", given).fit(pixel_data(small, paths), seeds=seeds, progress=progress)
        fitted.save(folder)
        ids = predicted_ids(split)
        predicted = fitted.predict(pixel_inputs(ids, paths))
        return Predictions("fine_tune", split.name, tuple(seeds), ids, predicted)

    return Unit(
        place=f"{split.name}/{seed}",
        key=value_digest(
            [
                VERSION,
                architecture_of(run.config),
                content_digest(weights_of(run.config)),
                asdict(training(section)),
                [[part, [digest[image] for image in ids]] for part, ids in small.parts.items()],
                [[image, small.label[image]] for image in small.ids],
            ]
        ),
        seeds=(seed,),
        train=train,
    )


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
        train_labels=split.targets(split.train),
        validation=pixel_inputs(split.validation, paths),
        validation_labels=split.targets(split.validation),
    )


def training(section: FineTuneSection) -> FineTuneSettings:
    """The settings of the preset, and in their place those that are given."""
    base = FineTuneSettings() if section.preset == "default" else PRESETS[section.preset].settings
    given = section.model_dump(include={"epochs", "batch", "learning_rate", "size"}, exclude_none=True)
    return replace(base, **given)


def subsample(split: DomainSplit, images: int | None, *, seed: int) -> DomainSplit:
    """The split with at most so many training images, in the shares of its classes."""
    if images is None or len(split.train) <= images:
        return split
    order = np.random.default_rng(seed).permutation(len(split.train))
    shuffled = [split.train[place] for place in order]
    each = images // len(split.classes)
    chosen = {
        image for name in split.classes for image in [i for i in shuffled if split.label[i] == name][:each]
    }
    return replace(split, train=tuple(image for image in split.train if image in chosen))


def network_factory(config: Config) -> NetworkFactory:
    """Makes the pretrained network with a new head."""
    architecture, weights = architecture_of(config), weights_of(config)

    def make(classes: int) -> nn.Module:
        return pretrained_network(architecture, weights, classes=classes)

    return make


def architecture_of(config: Config) -> str:
    """Name in timm."""
    section = config.fine_tune
    preset = PRESETS.get(section.preset)
    return section.architecture or (preset.architecture if preset else config.encoder.architecture)


def weights_of(config: Config) -> Path:
    """What the network begins with.

    Raises:
        PipelineError: The encoder's network cannot be trained, and no other is named.
    """
    section = config.fine_tune
    if section.weights is None and (config.encoder.kind != "timm" or config.encoder.hub is not None):
        raise PipelineError(
            f"[fine_tune] cannot train an encoder of kind {config.encoder.kind} or from the hub; name an "
            "architecture and weights in [fine_tune], or set enabled = false"
        )
    return find_weights(section.weights or config.encoder.weights)
