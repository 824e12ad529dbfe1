"""KnoBo of a finished run, split by split, with the scores of the images."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from models.bottleneck import KnoBo
from models.domains import load_split
from models.evaluation.audit import AuditSettings
from models.features.table import FeatureTable
from models.what_if.split_heads import SplitHeads
from pipelines.errors import PipelineError
from pipelines.run import Run

METHOD = "knobo"


def open_heads(run: Run, split: str | None = None) -> list[SplitHeads]:
    """Of one split, or of every split.

    Raises:
        PipelineError: No such split, or a split without KnoBo.
    """
    names = split_names(run, split)
    require_heads(run, names)
    scores = open_scores(run)
    return [
        SplitHeads(load_split(run.path(f"splits/{name}.json")), load_heads(run, name), scores)
        for name in names
    ]


def split_names(run: Run, split: str | None = None) -> list[str]:
    """The one that is asked for, or all in the order of the configuration."""
    names = [section.name for section in run.config.splits]
    if split is not None and split not in names:
        raise PipelineError(f"the run has no split {split!r}; it has {', '.join(names)}")
    return names if split is None else [split]


def require_heads(run: Run, splits: Sequence[str] = ()) -> None:
    """Refuses a run without KnoBo, or without that of some splits, saying what brings it about."""
    if not has_heads(run):
        also = "" if METHOD in run.config.fit.methods else f'put "{METHOD}" among the methods of [fit], then '
        raise PipelineError(
            f"there is no KnoBo in {run.path('models') / METHOD}, for the run has not trained it; "
            f"{also}`knobo run CONFIG` does"
        )
    missing = [split for split in splits if not seeds_of(run, split)]
    if missing:
        raise PipelineError(
            f"{run.path('models')} lacks KnoBo of {', '.join(missing)}; "
            "`knobo run CONFIG` runs the stage fit again, which trains what is missing"
        )


def open_scores(run: Run) -> FeatureTable:
    """What the concepts' detectors say of every image.

    Raises:
        PipelineError: The run has not come that far.
    """
    if not run.path("scores").is_dir():
        raise PipelineError(
            f"{run.directory} has no scores of concepts, which its stage score writes; "
            "`knobo run CONFIG` runs what is missing"
        )
    return FeatureTable.load(run.path("scores"))


def has_heads(run: Run) -> bool:
    """Whether the run trained KnoBo on any split."""
    return any(seeds_of(run, section.name) for section in run.config.splits)


def load_heads(run: Run, split: str) -> tuple[KnoBo, ...]:
    """In the order of the seeds; none where none was trained."""
    return tuple(KnoBo.load(heads_folder(run, split) / seed) for seed in seeds_of(run, split))


def heads_folder(run: Run, split: str) -> Path:
    """Where the heads of a split lie, one folder a seed."""
    return run.path(f"models/{METHOD}/{split}")


def seeds_of(run: Run, split: str) -> tuple[str, ...]:
    """Names of the folders, by number."""
    folder = heads_folder(run, split)
    found = [each.name for each in folder.iterdir() if each.name.isdigit()] if folder.is_dir() else []
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
