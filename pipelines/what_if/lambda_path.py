"""The path of lambda on a finished run: what the optimum of KnoBo's loss comes to at each of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.evaluation.audit import choose_mean
from models.evaluation.curves import MEAN
from models.heads.shared import Sample
from models.what_if.lambda_path import accuracy, lambda_path
from models.what_if.split_heads import SplitHeads
from pipelines.run import Run
from pipelines.what_if.heads import in_mean, open_heads

STRENGTHS = (0.0, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


@dataclass(frozen=True)
class PathPoint:
    """The optimum at one lambda; accuracies in shares, None where there are no images or no signs.

    Attributes:
        split: Name of the split, or `mean`.
        strength: Lambda.
        prior_loss: Mean |tanh W - P|.
        cross_entropy: On the training images.
        sign_agreement: Share of the signs of the prior that the weights have.
        validation, in_domain, shifted: Accuracy.
    """

    split: str
    strength: float
    prior_loss: float
    cross_entropy: float
    sign_agreement: float | None
    validation: float
    in_domain: float | None
    shifted: float | None


def path_of_run(run: Run, *, split: str | None = None) -> tuple[PathPoint, ...]:
    """Of one split, or of all and the mean of those that enter it; the run's own lambda is among them.

    Raises:
        PipelineError: No such split, or the run has no KnoBo.
    """
    splits = open_heads(run, split)
    strengths = sorted({*STRENGTHS, run.config.fit.prior_weight})
    work = run.reporter.work("path", "splits")
    paths: dict[str, list[PathPoint]] = {}
    for done, each in enumerate(splits, start=1):
        paths[each.split.name] = path_of_split(each, strengths)
        work(done, len(splits))
    if split is None:
        mean = [name for name in in_mean(run) if name in paths]
        entering = choose_mean([each.split for each in splits], mean)
        if entering:
            paths[MEAN] = list(averaged([paths[name] for name in entering]))
    return tuple(point for path in paths.values() for point in path)


def path_of_split(heads: SplitHeads, strengths: Sequence[float]) -> list[PathPoint]:
    """Points by lambda, ascending, with the prior and the scaling of the split's heads."""
    head = heads.heads[0]  # the prior and the training images are those of every seed

    def sample(ids: Sequence[str]) -> Sample:
        return Sample(head.scaling.apply(heads.scores.rows(ids)), heads.split.targets(ids))

    found = lambda_path(
        sample(heads.split.train), sample(heads.split.validation), prior=head.prior, strengths=strengths
    )
    reported = {each.domain: accuracy(list(found.weight), sample(each.ids)) for each in heads.domains()}
    return [
        PathPoint(
            split=heads.split.name,
            strength=float(found.strength[row]),
            prior_loss=float(found.prior_loss[row]),
            cross_entropy=float(found.cross_entropy[row]),
            sign_agreement=float(found.sign_agreement[row]) if head.prior.any() else None,
            validation=float(found.validation_accuracy[row]),
            in_domain=float(reported["in_domain"][row]) if "in_domain" in reported else None,
            shifted=float(reported["shifted"][row]) if "shifted" in reported else None,
        )
        for row in range(len(found.strength))
    ]


def averaged(paths: Sequence[Sequence[PathPoint]]) -> Iterator[PathPoint]:
    """Mean over splits at each lambda."""
    for points in zip(*paths, strict=True):
        yield PathPoint(
            split=MEAN,
            strength=points[0].strength,
            prior_loss=float(np.mean([each.prior_loss for each in points])),
            cross_entropy=float(np.mean([each.cross_entropy for each in points])),
            sign_agreement=mean_of([each.sign_agreement for each in points]),
            validation=float(np.mean([each.validation for each in points])),
            in_domain=mean_of([each.in_domain for each in points]),
            shifted=mean_of([each.shifted for each in points]),
        )


def mean_of(values: Sequence[float | None]) -> float | None:
    """None where any is missing: a mean over fewer splits would be of something else."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def shown(points: Sequence[PathPoint]) -> list[PathPoint]:
    """Those of the mean, or else of the first split."""
    scope = MEAN if any(each.split == MEAN for each in points) else points[0].split
    return [each for each in points if each.split == scope]
