"""Tries step sizes of fine-tuning on the development splits, and says what an epoch costs.

python tests/benchmarks/tuning_fine_tune.py [--run runs/real-xray] [--data ../shared/data] [--splits 0 2 4]

Three step sizes, where the methods on features get six settings (`tuning.py`), for each takes minutes a
split. A step size is chosen by validation accuracy alone, and by validation cross-entropy among equals: what
someone who fine-tunes would do. The shifted column is for the reader.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from development import development_data

from models.baselines import FineTuneSettings, NetworkFactory
from models.baselines.fine_tune import FineTune
from models.domains import DomainSplit
from pipelines.stages.fine_tune import network_factory, pixel_data, pixel_inputs
from pipelines.status import open_finished

STEPS = (1e-4, 3e-4, 1e-3)


@dataclass(frozen=True, slots=True)
class Trial:
    """One step size on one split.

    Attributes:
        split, learning_rate: What was tried.
        images: For training.
        epoch: Kept.
        validation, in_domain, shifted: Accuracy.
        validation_loss: Cross-entropy.
        seconds: Of training with validation.
    """

    split: str
    learning_rate: float
    images: int
    epoch: int
    validation: float
    validation_loss: float
    in_domain: float
    shifted: float
    seconds: float


def try_step(
    split: DomainSplit, paths: dict[str, Path], factory: NetworkFactory, settings: FineTuneSettings
) -> Trial:
    """Trains one network."""
    started = time.perf_counter()
    fitted = FineTune(factory, settings).fit(pixel_data(split, paths), seeds=(0,))
    seconds = time.perf_counter() - started
    in_domain, shifted = (
        float((fitted.predict(pixel_inputs(ids, paths))[0].argmax(axis=1) == split.targets(ids)).mean())
        for ids in (split.in_domain, split.shifted)
    )
    kept = fitted.kept[0]
    return Trial(
        split=split.name,
        learning_rate=settings.learning_rate,
        images=len(split.train),
        epoch=kept.epoch,
        validation=kept.accuracy,
        validation_loss=kept.loss,
        in_domain=in_domain,
        shifted=shifted,
        seconds=seconds,
    )


def row(trial: Trial) -> str:
    """Of the Markdown table."""
    numbers = (
        trial.validation,
        trial.validation_loss,
        trial.in_domain,
        trial.shifted,
    )
    shown = " | ".join(f"{number:.3f}" for number in numbers)
    cells = f"{trial.split} | {trial.images} | {trial.learning_rate:g} | {trial.epoch} | {shown}"
    return f"| {cells} | {trial.seconds:.0f} |"


def main() -> None:
    """Every step size on every split asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=Path, default=Path("runs/real-xray"))
    options.add_argument("--data", type=Path, default=Path("../shared/data"))
    options.add_argument("--splits", type=int, nargs="+", default=[0, 2, 4])
    options.add_argument("--steps", type=float, nargs="+", default=list(STEPS))
    options.add_argument("--epochs", type=int, default=FineTuneSettings().epochs)
    options.add_argument("--size", type=int, default=FineTuneSettings().size)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    run = open_finished(given.run)
    data, factory = development_data(given.data, run), network_factory(run.config)
    paths = {record.id: record.path for record in data.records}
    print("| split | images | step | epoch | validation | its loss | in domain | shifted | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    found = []
    for number in given.splits:
        for step in given.steps:
            settings = FineTuneSettings(learning_rate=step, epochs=given.epochs, size=given.size)
            found.append(try_step(data.splits[number], paths, factory, settings))
            print(row(found[-1]), flush=True)
    if given.json:
        text = json.dumps([asdict(trial) for trial in found], indent=1)
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
