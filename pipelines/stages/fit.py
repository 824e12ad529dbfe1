"""Stage `fit`: every method that reads features or concept scores, on every split."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from models.baselines import Method, TrainingData, make_method
from models.domains import DomainSplit
from models.evaluation.predictions import Predictions, write_predictions
from pipelines.digests import content_digest, value_digest
from pipelines.run import Run
from pipelines.section_values import section_value
from pipelines.stages.arms import TEXT_METHODS, Arm, Tables, arms_of, predicted_ids, settings_of
from pipelines.stages.oracle import ORACLES, can_be_told, fit_oracle
from pipelines.stages.split import read_splits
from pipelines.units import Unit, complete, gather, remove_others

VERSION = 3  # of what a unit does; another one trains all of them anew


def fit(run: Run) -> None:
    """Every method, arm and split: one model a seed."""
    units, root = fit_units(run), run.path("models")
    root.mkdir(exist_ok=True)
    complete(units, root, progress=run.reporter.work("fit", "models"))
    remove_others(units, root)
    write_predictions(run.path("predictions.parquet"), gather(units, root))


def fit_part(run: Run, part: int, parts: int) -> None:
    """Every `parts`-th unit, ahead of `fit`."""
    complete(fit_units(run)[part::parts], run.path("models"), progress=run.reporter.work("fit", "models"))


def fit_units(run: Run) -> list[Unit]:
    """What is to be trained, the run's own features first."""
    splits = read_splits(run)
    return [
        fit_unit(run, arm, name, split)
        for arm in arms_of(run)
        for name in arm.methods
        for split in splits
        if name not in ORACLES or can_be_told(split)
    ]


def fit_unit(run: Run, arm: Arm, name: str, split: DomainSplit) -> Unit:
    """One method on one split, for all seeds together."""

    def train(folder: Path, seeds: Sequence[int]) -> Predictions:
        tables = arm.tables()
        method = make_method(name, tables.ingredients)
        if name in ORACLES:
            return fit_oracle(method, arm.called(name), split, tables, seeds=seeds, folder=folder)
        return fit_split(method, arm.called(name), split, tables, seeds=seeds, folder=folder)

    return Unit(
        place=f"{arm.called(name)}/{split.name}",
        key=value_digest(
            [
                VERSION,
                name,
                arm.digest,
                section_value(run.config, "question_texts") if name in TEXT_METHODS else None,
                asdict(settings_of(run.config)),
                content_digest(run.path(f"splits/{split.name}.json")),
            ]
        ),
        seeds=tuple(range(run.config.seed, run.config.seed + run.config.fit.seeds)),
        train=train,
    )


def fit_split(
    method: Method, called: str, split: DomainSplit, tables: Tables, *, seeds: Sequence[int], folder: Path
) -> Predictions:
    """Trains on a split and predicts its reported images."""
    data: TrainingData = tables.training_data(split)
    fitted = method.fit(data, seeds=seeds)
    fitted.save(folder)
    ids = predicted_ids(split)
    return Predictions(called, split.name, tuple(seeds), ids, fitted.predict(tables.inputs(ids)))
