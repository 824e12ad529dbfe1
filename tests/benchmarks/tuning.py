"""Tunes every method on the same development splits with equally many settings, and prints the table.

python tests/benchmarks/tuning.py [--run runs/real-xray] [--data ../shared/data] [--methods knobo ...]

Needs a finished run of `make real`, for its grounders and signs. The development images are those of
`xray/nih64` whose patients are in no data set of that run: view and sex as the shortcut in both directions,
and age. A setting is chosen by the mean of in-domain and shifted accuracy there, which sees shifted labels of
development images and none of the audit's; beside it stands what validation accuracy alone, the choice of a
user without shifted labels, would take. Fine-tuning has a grid of its own (`tuning_fine_tune.py`), for six
settings of it would take hours.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from development import DevelopmentData, development_data
from grids import GRIDS, Grid

from models.baselines import METHODS, make_method
from models.baselines.interface import Fitted, Inputs, Method, TrainingData
from models.domains import DomainSplit
from models.encoders import open_encoder
from models.errors import ModelsError
from models.features.extraction import extract
from models.features.store import FeatureStore
from pipelines.config.fit import IMAGE_TEXT_METHODS
from pipelines.run import Run
from pipelines.stages.arms import Tables, own_tables
from pipelines.stages.encode import encoder_spec
from pipelines.stages.ground import kept_grounder
from pipelines.status import open_finished
from pipelines.weights import cache_directory

DECIMALS = 3
DRAWS = {"random_prior": 20, "random_concepts": 20}  # seeds, for what is drawn is the method; three mislead


@dataclass(frozen=True, slots=True)
class Trial:
    """Accuracies of one setting, means over splits and seeds.

    Attributes:
        method, setting, value: What was tried.
        validation, in_domain, shifted: Accuracy in that part.
        validation_loss: Cross-entropy there, by which equal validation accuracies are told apart.
    """

    method: str
    setting: str
    value: float
    validation: float
    validation_loss: float
    in_domain: float
    shifted: float

    @property
    def average(self) -> float:
        """What a setting is chosen by."""
        return (self.in_domain + self.shifted) / 2


def asking_for(run: Run, names: Sequence[str]) -> Run:
    """The run as if it named these methods, so that what they need is made, but for an encoder of texts."""
    wanted = {*run.config.fit.methods, *(set(names) - IMAGE_TEXT_METHODS)}
    section = run.config.fit.model_copy(update={"methods": tuple(sorted(wanted))})
    return replace(run, config=run.config.model_copy(update={"fit": section}))


def tables_of(run: Run, data: DevelopmentData, *, folder: Path) -> Tables:
    """Features and concept scores of the development images, by the run's encoder and grounders."""
    features = extract(
        data.records,
        open_encoder(encoder_spec(run.config.encoder)),
        FeatureStore(cache_directory() / "features"),
        target=folder / "features",
        batch=run.config.encoder.batch,
    )
    known = own_tables(run)
    scores = kept_grounder(run).score(features)
    return replace(known, features=features, scores=scores, paths={r.id: r.path for r in data.records})


def try_setting(
    name: str,
    value: float,
    grid: Grid,
    tables: Tables,
    splits: Sequence[DomainSplit],
    *,
    seeds: Sequence[int],
) -> Trial:
    """One setting of one method on every split."""
    method = make_method(name, grid.given(tables.ingredients, value))
    rows = [measured(method, tables, split, seeds=seeds) for split in splits]
    validation, loss, in_domain, shifted = np.mean(rows, axis=0).tolist()
    return Trial(name, grid.setting, value, validation, loss, in_domain, shifted)


def measured(method: Method, tables: Tables, split: DomainSplit, *, seeds: Sequence[int]) -> list[float]:
    """Accuracy and cross-entropy in validation, accuracy in domain and shifted."""
    data: TrainingData = tables.training_data(split)
    fitted = method.fit(data, seeds=seeds)
    chances = fitted.predict(data.validation)
    rows = np.arange(len(data.validation_labels))
    loss = -np.log(np.maximum(chances[:, rows, data.validation_labels], 1e-12)).mean()
    return [
        float((chances.argmax(axis=2) == data.validation_labels).mean()),
        float(loss),
        *(
            accuracy(fitted, tables.inputs(part), split.targets(part))
            for part in (split.in_domain, split.shifted)
        ),
    ]


def accuracy(fitted: Fitted, inputs: Inputs, labels: np.ndarray) -> float:
    """Mean over images and seeds."""
    return float((fitted.predict(inputs).argmax(axis=2) == labels).mean())


def trials(
    names: Sequence[str], tables: Tables, splits: Sequence[DomainSplit], *, seeds: Sequence[int]
) -> Iterator[Trial]:
    """Every setting of every method that this run has the ingredients for."""
    for name in names:
        try:
            for value in GRIDS[name].values:
                own = range(max(len(seeds), DRAWS.get(name, 0)))
                yield try_setting(name, value, GRIDS[name], tables, splits, seeds=own)
        except ModelsError as error:
            print(f"{name} left out: {error}")


def by_average(found: Sequence[Trial]) -> Trial:
    """The choice of the project."""
    return max(found, key=lambda trial: trial.average)


def by_validation(found: Sequence[Trial]) -> Trial:
    """The choice without shifted labels."""
    return max(found, key=lambda trial: (round(trial.validation, 6), -trial.validation_loss))


def table_of(found: Sequence[Trial]) -> list[str]:
    """Markdown: each setting, and which of the two choices takes it."""
    lines = [
        "| method | setting | value | validation | in domain | shifted | average | chosen by |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in dict.fromkeys(trial.method for trial in found):
        own = [trial for trial in found if trial.method == name]
        for trial in own:
            chosen = [
                word
                for word, choice in (("average", by_average(own)), ("validation", by_validation(own)))
                if choice is trial
            ]
            numbers = " | ".join(
                f"{number:.{DECIMALS}f}"
                for number in (trial.validation, trial.in_domain, trial.shifted, trial.average)
            )
            lines.append(f"| {name} | {trial.setting} | {trial.value:g} | {numbers} | {', '.join(chosen)} |")
    return lines


def main() -> None:
    """Runs all trials."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=Path, default=Path("runs/real-xray"))
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument(
        "--methods", nargs="+", choices=list(GRIDS), default=[m for m in METHODS if m in GRIDS]
    )
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    run = asking_for(open_finished(given.run), given.methods)
    data = development_data(given.data, run)
    with tempfile.TemporaryDirectory() as folder:
        tables = tables_of(run, data, folder=Path(folder))
        found = list(trials(given.methods, tables, data.splits, seeds=tuple(range(given.seeds))))
    print("\n".join(table_of(found)))
    if given.json:
        given.json.write_text(
            json.dumps([asdict(trial) for trial in found], indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
