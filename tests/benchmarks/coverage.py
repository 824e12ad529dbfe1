"""Prints how often the audit's 95 % intervals hold the truth, on simulated patients with several images.

python tests/benchmarks/coverage.py [--repeats 1000] [--table FILE]
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from clustered import World, as_predictions, as_split, draw, says
from figures import Figure, report

from models.evaluation.curves import Cell, Curve, contrasts
from models.evaluation.intervals import interval
from models.evaluation.measured import Measuring
from models.evaluation.measuring import domains_of
from models.evaluation.measuring import measure as measure_metrics
from models.evaluation.metrics import metrics_of, point

REPEATS, REPLICATES = 1000, 400
METRICS = ("accuracy", "balanced_accuracy", "auroc", "sensitivity", "brier")
TRUTH_IMAGES = 200_000
LOWEST, HIGHEST = 0.93, 0.97

WORLDS = {
    "100 images, 1 a patient, accuracy .80": World(100, 1, 1.76),
    "100 images, 3 a patient, accuracy .80": World(100, 3, 1.76),
    "100 images, 3 a patient, accuracy .95": World(100, 3, 3.43),
    "300 images, 1 a patient, accuracy .95": World(300, 1, 3.43),
    "300 images, 3 a patient, accuracy .70": World(300, 3, 1.1, seeds=3),
    "300 images, 3 a patient, accuracy .95": World(300, 3, 3.43, seeds=3),
    "1,000 images, 3 a patient, accuracy .90": World(1000, 3, 2.67),
}
SHIFT = 0.7  # of the distance, in the shifted domain


@dataclass(frozen=True)
class Coverage:
    """Of one number.

    Attributes:
        held: Share of the audit's intervals that hold the truth.
        percentile: Share of the percentile intervals of the same replicates.
        width: Mean width of the audit's intervals.
        count: Of them.
    """

    held: float
    percentile: float
    width: float
    count: int


def truth_of(world: World) -> dict[tuple[str, str], float]:
    """By domain and metric, on very many patients of one image."""
    found: dict[tuple[str, str], float] = {}
    for domain, each in domains(world):
        many = replace(each, images=TRUTH_IMAGES, mean_size=1, seeds=1)
        generator = np.random.default_rng(99)
        drawn = draw(many, generator)
        probabilities = says(drawn, many, generator)[0]
        for metric in METRICS:
            found[domain, metric] = point(metrics_of(2)[metric], drawn.labels, probabilities)
    for metric in METRICS:
        inside, outside = found["in_domain", metric], found["shifted", metric]
        found["gap", metric], found["average", metric] = inside - outside, (inside + outside) / 2
    return found


def domains(world: World) -> Iterator[tuple[str, World]]:
    """In domain, and shifted."""
    yield "in_domain", world
    yield "shifted", replace(world, distance=SHIFT * world.distance)


def simulate(world: World, generator: np.random.Generator, *, seed: int) -> dict[Cell, Curve]:
    """What the audit finds on one sample."""
    drawn = {domain: (each, draw(each, generator)) for domain, each in domains(world)}
    split = as_split({domain: sample for domain, (_, sample) in drawn.items()})
    said = {domain: says(sample, each, generator) for domain, (each, sample) in drawn.items()}
    predictions = [as_predictions(split, said, "simulated")]
    settings = Measuring(replicates=REPLICATES, seed=seed)
    found: dict[Cell, Curve] = {}
    for whole in domains_of(split, predictions, settings=settings):
        if whole.domain != "pooled":
            found.update(measure_metrics(whole, METRICS))
    return found | dict(contrasts(found))


def coverage(world: World, *, repeats: int, seed: int = 0) -> Mapping[tuple[str, str], Coverage]:
    """By domain and metric."""
    truth, generator = truth_of(world), np.random.default_rng(seed)
    hits: dict[tuple[str, str], list[tuple[bool, bool, float]]] = defaultdict(list)
    for repeat in range(repeats):
        for cell, curve in simulate(world, generator, seed=repeat).items():
            plain, right = interval(curve.values[1:]), truth[cell.domain, cell.metric]
            hits[cell.domain, cell.metric].append(
                (
                    curve.ends.low <= right <= curve.ends.high,
                    plain.low <= right <= plain.high,
                    curve.ends.high - curve.ends.low,
                )
            )
    covered = {}
    for key, found in hits.items():
        held, percentile, width = (float(mean) for mean in np.mean(found, axis=0))
        covered[key] = Coverage(held, percentile, width, len(found))
    return covered


def table(found: Mapping[str, Mapping[tuple[str, str], Coverage]]) -> str:
    """As `docs/statistics.md` shows it: the audit's intervals, then the percentiles."""
    names = [f"{metric}" for metric in METRICS]
    lines = ["| sample | number | " + " | ".join(names) + " |", "| --- | --- |" + " --- |" * len(names)]
    for world, cells in found.items():
        for domain in ("in_domain", "shifted", "gap", "average"):
            shown = [cells[domain, metric] for metric in METRICS]
            values = [f"{each.held:.3f} ({each.percentile:.3f})" for each in shown]
            lines.append(f"| {world} | {domain} | " + " | ".join(values) + " |")
    return "\n".join(lines) + "\n"


def measure() -> dict[str, Figure]:
    """Mean and extremes over all worlds, domains and metrics; writes the table where it is asked to."""
    options = argparse.ArgumentParser()
    options.add_argument("--repeats", type=int, default=REPEATS)
    options.add_argument("--table", type=Path)
    asked = options.parse_known_args()[0]
    found = {name: coverage(world, repeats=asked.repeats) for name, world in WORLDS.items()}
    if asked.table:
        asked.table.write_text(table(found), encoding="utf-8")
    every = [each for cells in found.values() for each in cells.values()]
    held = np.array([each.held for each in every])
    how = f"95 % intervals of {len(every)} numbers, simulated patients, {asked.repeats} samples each"
    return {
        "coverage.mean": Figure(float(held.mean()), "share", f"mean over {how}"),
        "coverage.low": Figure(float(held.min()), "share", f"smallest over {how}"),
        "coverage.high": Figure(float(held.max()), "share", f"largest over {how}"),
        "coverage.inside": Figure(
            float(np.mean((held >= LOWEST) & (held <= HIGHEST))), "share", f"between 93 and 97 %, of {how}"
        ),
        "coverage.percentile_low": Figure(
            min(each.percentile for each in every), "share", f"smallest of percentile intervals, of {how}"
        ),
    }


if __name__ == "__main__":
    report(measure())
