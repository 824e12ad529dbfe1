"""Times KnoBo's fit against the paper's training loop, and compares what the two arrive at.

python tests/benchmarks/knobo_fit.py [--run runs/real-xray]
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from figures import Figure, report
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn

from models.bottleneck import fit_knobo, prior_loss
from models.heads import full_batch
from models.heads.shared import HeadSettings, Sample
from models.scaling import Scaling, ScalingKind
from models.what_if.lambda_path import cross_entropy
from pipelines.run import Run
from pipelines.stages.arms import own_tables
from pipelines.stages.split import read_splits
from pipelines.status import open_finished

IMAGES, HELD_OUT, CONCEPTS, REPEATS = 3000, 500, 150, 3
PAPER = HeadSettings()
OURS = HeadSettings(strength=30, learning_rate=0.01, scaling=ScalingKind.CENTER)


@dataclass(frozen=True, slots=True)
class Task:
    """Scores as a head sees them, with labels and signs `(2, c)`."""

    train: Sample
    validation: Sample
    prior: NDArray[np.float32]


def synthetic() -> Task:
    """Two classes that half of the concepts go with; four signs in five are right."""
    generator = np.random.default_rng(0)
    rows = IMAGES + HELD_OUT
    common = generator.normal(size=(rows, 1))
    scores = expit(1.5 * (0.55 * common + 0.85 * generator.normal(size=(rows, CONCEPTS)))).astype(np.float32)
    weight = generator.normal(size=CONCEPTS) * (generator.random(CONCEPTS) < 0.5)
    labels = ((scores - 0.5) @ weight * 1.5 + generator.logistic(size=rows) > 0).astype(np.int64)
    signs = np.where(weight >= 0, 1, -1) * np.where(generator.random(CONCEPTS) < 0.8, 1, -1)
    return Task(
        Sample(scores[:IMAGES], labels[:IMAGES]),
        Sample(scores[IMAGES:], labels[IMAGES:]),
        np.stack([-signs, signs]).astype(np.float32),
    )


def papers_loop(task: Task, settings: HeadSettings, *, seed: int) -> tuple[Tensor, Tensor]:
    """The paper's training with autograd: the weights of the best validation epoch, and those of the last."""
    torch.manual_seed(seed)
    inputs, labels = torch.from_numpy(task.train.inputs), torch.from_numpy(task.train.labels)
    shown, truth = torch.from_numpy(task.validation.inputs), torch.from_numpy(task.validation.labels)
    prior = torch.from_numpy(task.prior)
    head = nn.Linear(inputs.shape[1], len(prior), bias=False)
    adam = torch.optim.Adam(head.parameters(), lr=settings.learning_rate)
    best, kept = -1.0, head.weight.detach().clone()
    for _ in range(settings.epochs):
        for rows in torch.randperm(len(labels)).split(settings.batch):  # type: ignore[no-untyped-call]
            loss = nn.functional.cross_entropy(head(inputs[rows]), labels[rows])
            loss = loss + settings.strength * (head.weight.tanh() - prior).abs().mean()
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
        with torch.no_grad():
            accuracy = (head(shown).argmax(dim=1) == truth).float().mean().item()
        if accuracy > best:
            best, kept = accuracy, head.weight.detach().clone()
    return kept, head.weight.detach()


def scaled(task: Task, settings: HeadSettings) -> Task:
    """As `fit_knobo` would scale it."""
    scaling = Scaling.fit(settings.scaling, task.train.inputs)
    train, validation = (
        Sample(scaling.apply(part.inputs).astype(np.float32), part.labels)
        for part in (task.train, task.validation)
    )
    return Task(train, validation, task.prior)


def fit(task: Task, settings: HeadSettings, *, seed: int) -> NDArray[np.float32]:
    """Ours, the weights kept, `(2, c)`."""
    names = tuple(map(str, range(task.prior.shape[1])))
    (head,) = fit_knobo(
        task.train,
        task.validation,
        classes=("no", "yes"),
        concept_ids=names,
        prior=task.prior,
        seeds=(seed,),
        settings=settings,
    )
    return head.weight


def last_of_ours(task: Task, settings: HeadSettings, *, seed: int) -> NDArray[np.float32]:
    """The weights of our last epoch."""
    *_, (weight, _) = full_batch.descend(
        task.train, classes=2, seeds=(seed,), settings=settings, prior=task.prior, bias=False
    )
    return np.asarray(weight[0].numpy())


def objective(weight: NDArray[np.floating], task: Task, *, strength: float) -> float:
    """Cross-entropy of the training images + strength x prior loss."""
    return cross_entropy(weight, task.train) + strength * prior_loss(weight, task.prior)


def seconds(work: Callable[[], object]) -> float:
    """The shortest of some calls."""

    def once() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return min(once() for _ in range(REPEATS))


def speed() -> dict[str, Figure]:
    """At the paper's settings, one head."""
    task = synthetic()
    threads, short = torch.get_num_threads(), replace(PAPER, epochs=3)
    trials: dict[int, float] = {}
    for number in {1, threads}:
        torch.set_num_threads(number)
        trials[number] = seconds(lambda: papers_loop(task, short, seed=0))
    torch.set_num_threads(min(trials, key=lambda number: trials[number]))
    loop = seconds(lambda: papers_loop(task, PAPER, seed=0))
    ours = seconds(lambda: fit(task, PAPER, seed=0))
    how = f"{ours:.3f} s against {loop:.2f} s of the paper's loop on {torch.get_num_threads()} thread(s)"
    return {"knobo_fit.ratio_reference": Figure(loop / ours, "ratio", f"{how}, {IMAGES} x {CONCEPTS}")}


def objectives() -> dict[str, Figure]:
    """Ours less the loop's; below 0 where ours is lower."""
    figures = {}
    for name, settings in (("", PAPER), ("_lambda30", OURS)):
        task = scaled(synthetic(), settings)
        loop = papers_loop(task, settings, seed=0)[1].numpy()
        values = [
            objective(weight, task, strength=settings.strength)
            for weight in (last_of_ours(task, settings, seed=0), loop)
        ]
        how = f"last epoch, {values[0]:.4f} against {values[1]:.4f}, lambda {settings.strength:g}"
        figures[f"knobo_fit.objective_difference{name}"] = Figure(values[0] - values[1], "loss", how)
    return figures


def shifted_differences(run: Run) -> dict[str, Figure]:
    """Mean accuracy of ours less the loop's over the splits of the mean and all seeds, per cent."""
    figures = {}
    for name, settings in (("", OURS), ("_paper", PAPER)):
        rows = np.array(list(shifted_accuracies(run, settings)))
        ours, loop = 100 * rows.mean(axis=0)
        how = f"{ours:.1f} against {loop:.1f}, lambda {settings.strength:g}, scores {settings.scaling}"
        figures[f"knobo_fit.shifted_difference{name}"] = Figure(float(ours - loop), "points", how)
    return figures


def shifted_accuracies(run: Run, settings: HeadSettings) -> Iterator[tuple[float, float]]:
    """Ours and the loop's for each split and seed."""
    tables = own_tables(run)
    inside = {section.name for section in run.config.splits if section.in_mean}
    for split in read_splits(run):
        if split.name not in inside:
            continue
        data, labels = tables.training_data(split), split.targets(split.shifted)
        train = Sample(data.train.scores, data.train_labels)
        raw = Task(train, Sample(data.validation.scores, data.validation_labels), data.prior)
        task = scaled(raw, settings)
        shown = Scaling.fit(settings.scaling, data.train.scores).apply(tables.inputs(split.shifted).scores)
        for seed in range(run.config.seed, run.config.seed + run.config.fit.seeds):
            weights = fit(raw, settings, seed=seed), papers_loop(task, settings, seed=seed)[0].numpy()
            ours, loop = (float(((shown @ each.T).argmax(axis=1) == labels).mean()) for each in weights)
            yield ours, loop


def measure() -> dict[str, Figure]:
    """Speed and objective; accuracy under shift where there is a finished run."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=Path, default=Path("runs/real-xray"))
    directory = options.parse_known_args()[0].run
    figures = {**speed(), **objectives()}
    if (directory / "scores").exists():
        figures |= shifted_differences(open_finished(directory))
    else:
        print(f"no accuracies: {directory} is no finished run; make it with `make real`, or give --run")
    return figures


if __name__ == "__main__":
    report(measure())
