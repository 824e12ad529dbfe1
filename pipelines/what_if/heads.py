"""KnoBo of a finished run, split by split, with the scores of the images."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from models.bottleneck import KnoBo
from models.domains import load_split
from models.errors import ModelsError
from models.evaluation.audit import AuditSettings
from models.features.table import FeatureTable
from models.what_if.split_heads import SplitHeads
from pipelines.errors import PipelineError
from pipelines.run import Run

METHOD = "knobo"


def open_heads(run: Run, split: str | None = None) -> list[SplitHeads]:
    """Of one split, or of every split that has them.

    Raises:
        PipelineError: No such split, or the run has no KnoBo.
    """
    names = [section.name for section in run.config.splits]
    if split is not None and split not in names:
        raise PipelineError(f"the run has no split {split!r}; it has {', '.join(names)}")
    chosen = [name for name in names if split in {None, name} and heads_folder(run, name).is_dir()]
    if not chosen:
        place = run.path("models") / METHOD
        raise PipelineError(
            f'there is no KnoBo in {place}; put "{METHOD}" among the methods of [fit], then `knobo run` again'
        )
    scores = FeatureTable.load(run.path("scores"))
    return [
        SplitHeads(load_split(run.path(f"splits/{name}.json")), load_heads(run, name), scores)
        for name in chosen
    ]


def has_heads(run: Run) -> bool:
    """Whether the run trained KnoBo on any split."""
    return any(heads_folder(run, section.name).is_dir() for section in run.config.splits)


def heads_folder(run: Run, split: str) -> Path:
    """Where the heads of a split lie, one folder a seed."""
    return run.path(f"models/{METHOD}/{split}")


def load_heads(run: Run, split: str) -> tuple[KnoBo, ...]:
    """In the order of the seeds."""
    return tuple(KnoBo.load(heads_folder(run, split) / seed) for seed in seeds_of(run, split))


def seeds_of(run: Run, split: str) -> tuple[str, ...]:
    """Names of the folders, by number."""
    found = [folder.name for folder in heads_folder(run, split).iterdir() if folder.name.isdigit()]
    if not found:
        raise ModelsError(f"{heads_folder(run, split)} holds no model; run the configuration again")
    return tuple(sorted(found, key=int))


def in_mean(run: Run) -> list[str]:
    """Splits that enter the mean of the audit."""
    return [section.name for section in run.config.splits if section.in_mean]


def bootstrap(run: Run) -> AuditSettings:
    """Replicates and seed of the run's audit, so that intervals are comparable with it."""
    return AuditSettings(replicates=run.config.audit.replicates, seed=run.config.seed)


def require_image(image: str, ids: Sequence[str]) -> None:
    """Refuses an image that has no scores, with the ids nearest to it."""
    if image not in ids:
        near = get_close_matches(image, ids, n=3) or list(ids[:1])
        raise PipelineError(f"the run has no image {image!r}; did you mean {' or '.join(near)}?")
