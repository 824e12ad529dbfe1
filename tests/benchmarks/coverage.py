"""Prints how often the audit's 95 % intervals hold the truth, on simulated patients with several images.

python tests/benchmarks/coverage.py [--repeats 1000] [--table FILE]
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
from clustered import World, as_predictions, as_split, draw, says, skills
from figures import Figure, report

from models.evaluation.curves import Cell, Curve, contrasts
from models.evaluation.intervals import interval
from models.evaluation.measured import Measuring
from models.evaluation.measuring import domains_of
from models.evaluation.measuring import measure as measure_metrics
from models.evaluation.metrics import metrics_of, point

REPEATS, REPLICATES, SEED = 1000, 400, 0
METRICS = ("accuracy", "balanced_accuracy", "auroc", "sensitivity", "brier")
TRUTH_IMAGES = 200_000
TRUTH_SEEDS = 21
LOWEST, HIGHEST = 0.93, 0.97

WORLDS = {
    "100 images, 1 a patient, accuracy .80": World(100, 1, 1.76),
    "100 images, 3 a patient, accuracy .80": World(100, 3, 1.76),
    "100 images, 3 a patient, accuracy .95": World(100, 3, 3.43),
    "300 images, 1 a patient, accuracy .95": World(300, 1, 3.43),
    "300 images, 3 a patient, accuracy .70": World(300, 3, 1.1, seeds=3),
    "300 images, 3 a patient, accuracy .95": World(300, 3, 3.43, seeds=3),
    "1,000 images, 3 a patient, accuracy .90": World(1000, 3, 2.67),
    "300 images, 3 a patient, accuracy .80, unequal seeds": World(300, 3, 1.76, seeds=3, skill=0.15),
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
    """By domain and metric, on very many patients of one image; the mean over models of any skill."""
    found: dict[tuple[str, str], float] = {}
    for domain, each in domains(world):
        many = replace(each, images=TRUTH_IMAGES, mean_size=1, seeds=1)
        generator = np.random.default_rng(99)
        drawn = draw(many, generator)
        said = [says(drawn, many, generator, skill=np.array([own]))[0] for own in true_skills(world)]
        for metric in METRICS:
            points = [point(metrics_of(2)[metric], drawn.labels, each) for each in said]
            found[domain, metric] = float(np.mean(points))
    for metric in METRICS:
        inside, outside = found["in_domain", metric], found["shifted", metric]
        found["gap", metric], found["average", metric] = inside - outside, (inside + outside) / 2
    return found


def true_skills(world: World) -> list[float]:
    """Skills that stand for all seeds: quantiles of their distribution."""
    count = TRUTH_SEEDS if world.skill else 1
    return [world.skill * NormalDist().inv_cdf((place + 0.5) / count) for place in range(count)]


def domains(world: World) -> Iterator[tuple[str, World]]:
    """In domain, and shifted."""
    yield "in_domain", world
    yield "shifted", replace(world, distance=SHIFT * world.distance)


def simulate(world: World, generator: np.random.Generator, *, seed: int) -> dict[Cell, Curve]:
    """What the audit finds on one sample."""
    drawn = {domain: (each, draw(each, generator)) for domain, each in domains(world)}
    split = as_split({domain: sample for domain, (_, sample) in drawn.items()})
    own = skills(world, generator)
    said = {domain: says(sample, each, generator, skill=own) for domain, (each, sample) in drawn.items()}
    predictions = [as_predictions(split, said, "simulated")]
    settings = Measuring(replicates=REPLICATES, seed=seed)
    found: dict[Cell, Curve] = {}
    for whole in domains_of(split, predictions, settings=settings):
        if whole.domain != "pooled":
            found.update(measure_metrics(whole, METRICS))
    return found | dict(contrasts(found))


def coverage(world: World, *, repeats: int, stream: int) -> Mapping[tuple[str, str], Coverage]:
    """By domain and metric; worlds with streams of their own share no luck."""
    truth, generator = truth_of(world), np.random.default_rng([SEED, stream])
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
    count = min(each.count for cells in found.values() for each in cells.values())
    lines += ["", f"Each share has a Monte Carlo standard error of {monte_carlo_error(count):.3f}."]
    return "\n".join(lines) + "\n"


def monte_carlo_error(count: int) -> float:
    """Standard error of a share of so many samples that is .95 in truth."""
    return float(np.sqrt(0.95 * 0.05 / count))


def measure() -> dict[str, Figure]:
    """Mean and extremes over all worlds, domains and metrics; writes the table where it is asked to."""
    options = argparse.ArgumentParser()
    options.add_argument("--repeats", type=int, default=REPEATS)
    options.add_argument("--table", type=Path)
    asked = options.parse_known_args()[0]
    found = {
        name: coverage(world, repeats=asked.repeats, stream=stream)
        for stream, (name, world) in enumerate(WORLDS.items())
    }
    if asked.table:
        asked.table.write_text(table(found), encoding="utf-8")
    every = [each for cells in found.values() for each in cells.values()]
    held = np.array([each.held for each in every])
    error = monte_carlo_error(asked.repeats)
    how = (
        f"95 % intervals of {len(every)} numbers, simulated patients, {asked.repeats} samples each "
        f"(standard error of one: {error:.3f})"
    )
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
