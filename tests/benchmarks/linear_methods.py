"""Times every method but fine-tuning on the splits of a finished run: all seeds, training and prediction.

python tests/benchmarks/linear_methods.py [--run runs/real-xray]
"""

import argparse
import tempfile
import time
from pathlib import Path

from figures import Figure, report

from pipelines.run import Run
from pipelines.stages.fit import fit_units
from pipelines.status import open_finished
from pipelines.units import Unit, train


def units_in_mean(run: Run) -> list[Unit]:
    """Every unit of the splits that enter the mean."""
    inside = {section.name for section in run.config.splits if section.in_mean}
    return [unit for unit in fit_units(run) if Path(unit.place).name in inside]


def seconds_by_method(units: list[Unit]) -> dict[str, float]:
    """Wall time of each method over all splits, trained anew into a folder that is thrown away."""
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for unit in units:
            started = time.perf_counter()
            train(unit, Path(folder))
            method = Path(unit.place).parent.name
            spent[method] = spent.get(method, 0.0) + time.perf_counter() - started
    return spent


def measure() -> dict[str, Figure]:
    """Seconds of all methods together; none where there is no finished run."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=Path, default=Path("runs/real-xray"))
    directory = options.parse_known_args()[0].run
    if not (directory / "scores").exists():
        print(f"skipped: {directory} is no finished run; make it with `make real`, or give --run")
        return {}
    run = open_finished(directory)
    units = units_in_mean(run)
    spent = seconds_by_method(units)
    for method, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {method}: {seconds:.1f} s")
    splits = len({Path(unit.place).name for unit in units})
    how = f"{len(spent)} methods x {splits} splits x {run.config.fit.seeds} seeds of {run.config.name}"
    return {"linear_methods.seconds": Figure(sum(spent.values()), "s", how)}


if __name__ == "__main__":
    report(measure())
