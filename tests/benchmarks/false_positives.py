"""Prints how often the audit's paired tests find a difference at 5 % between two methods that have none.

python tests/benchmarks/false_positives.py [--repeats 1000]
"""

import argparse
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from clustered import World, as_predictions, as_split, draw, says
from figures import Figure, report
from numpy.typing import NDArray

from models.evaluation.curves import Cell, Curve
from models.evaluation.measured import Measuring
from models.evaluation.measuring import domains_of
from models.evaluation.measuring import measure as measure_metrics
from models.evaluation.paired import bootstrap_tests, mcnemar_tests
from models.evaluation.report import BOOTSTRAP, MCNEMAR

REPEATS, REPLICATES, SEED = 1000, 400, 1
METRICS = ("accuracy", "balanced_accuracy", "auroc")
LEVEL, FAR = 0.05, 0.001

WORLDS = {
    "100 images, 3 a patient, 3 seeds": World(100, 3, 1.76, seeds=3, seed=0.5),
    "300 images, 3 a patient, 5 seeds": World(300, 3, 1.76, seeds=5, seed=0.5),
    "300 images, 1 a patient, 1 seed": World(300, 1, 2.67, seed=0.5),
    "300 images, 3 a patient, 1 seed, accuracy .95": World(300, 3, 3.6, seed=0.5),
    "300 images, 3 a patient, 3 unequal seeds": World(300, 3, 1.76, seeds=3, seed=0.5, skill=0.15),
    "300 images, 3 a patient, 5 unequal seeds": World(300, 3, 1.76, seeds=5, seed=0.5, skill=0.15),
}
MARGIN = 0.4  # standard deviation of what a method alone sees of an image, whatever the seed


def found_different(
    world: World, *, repeats: int, stream: int
) -> Mapping[tuple[str, str], NDArray[np.float64]]:
    """P of every sample, by test and metric.

    Both methods see the same images, each with errors of its own that are equally large. Worlds with streams
    of their own share no luck.
    """
    generator = np.random.default_rng([SEED, stream])
    p: dict[tuple[str, str], list[float]] = defaultdict(list)
    for repeat in range(repeats):
        drawn = draw(world, generator)
        split = as_split({"in_domain": drawn})
        predictions = [
            as_predictions(split, {"in_domain": says(own, world, generator)}, method)
            for method in ("knobo", "other")
            for own in [
                replace(drawn, common=drawn.common + MARGIN * generator.normal(size=len(drawn.common)))
            ]
        ]
        found: dict[Cell, Curve] = {}
        for whole in domains_of(split, predictions, settings=Measuring(REPLICATES, seed=repeat)):
            found.update(measure_metrics(whole, METRICS))
        tests = list(bootstrap_tests(found, found, reference="knobo", level=1 - LEVEL))
        for test in (*tests, *mcnemar_tests(split, predictions, tests)):
            p[test.test, test.metric].append(test.p)
    return {key: np.array(each) for key, each in p.items()}


def figures(repeats: int) -> dict[str, Figure]:
    """The mean over the simulated worlds, the extremes, and the exact test."""
    own, far, exact = [], [], []
    for stream, (name, world) in enumerate(WORLDS.items()):
        found = found_different(world, repeats=repeats, stream=stream)
        print(name, ", ".join(f"{' '.join(key)} {share(p):.3f}" for key, p in found.items()), flush=True)
        own += [share(p) for (test, _), p in found.items() if test == BOOTSTRAP]
        far += [share(p, FAR) for (test, _), p in found.items() if test == BOOTSTRAP]
        exact += [share(p) for (test, _), p in found.items() if test == MCNEMAR and not world.skill]
    how = f"of {repeats} simulated pairs of equal methods, by {len(WORLDS)} worlds and {len(METRICS)} metrics"
    one = f"(standard error of one share: {np.sqrt(LEVEL * (1 - LEVEL) / repeats):.3f})"
    return {
        "false_positives.bootstrap": Figure(float(np.mean(own)), "share", f"mean {how} {one}"),
        "false_positives.bootstrap_low": Figure(min(own), "share", f"smallest {how}"),
        "false_positives.bootstrap_high": Figure(max(own), "share", f"largest {how}"),
        "false_positives.bootstrap_far": Figure(max(far), "share", f"p below {FAR}, largest {how}"),
        "false_positives.mcnemar": Figure(
            float(np.mean(exact)), "share", "exact test, conservative by nature; worlds with equal seeds"
        ),
    }


def share(p: NDArray[np.float64], level: float = LEVEL) -> float:
    """Of samples with p below a level."""
    return float(np.mean(p < level))


def measure() -> dict[str, Figure]:
    """As the command line asks."""
    options = argparse.ArgumentParser()
    options.add_argument("--repeats", type=int, default=REPEATS)
    return figures(options.parse_known_args()[0].repeats)


if __name__ == "__main__":
    report(measure())
