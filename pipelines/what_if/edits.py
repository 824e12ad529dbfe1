"""Edits of a finished run's KnoBo: told, measured on every split, and saved elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from models.artifacts import to_json
from models.evaluation.metrics import METRICS
from models.files import replacing
from models.what_if.editing import (
    Edit,
    EditReport,
    FlipSign,
    Prune,
    PruneAndNormalise,
    SetWeight,
    edit_splits,
    report_edits,
)
from models.what_if.split_heads import SplitHeads
from pipelines.directories import new_directory
from pipelines.errors import PipelineError
from pipelines.run import Run
from pipelines.status import open_finished
from pipelines.what_if.heads import METHOD, bootstrap, in_mean, open_heads, seeds_of
from pipelines.what_if.naming import ConceptNames


@dataclass(frozen=True)
class Wanted:
    """What a person asks for, as typed.

    Attributes:
        prune, flip: Concepts.
        weight: `CLASS:CONCEPT=NUMBER`.
        class_name: That `prune` and `flip` are for; None for all.
        normalise: Whether pruned rows keep their l1 norm.
    """

    prune: tuple[str, ...] = ()
    flip: tuple[str, ...] = ()
    weight: tuple[str, ...] = ()
    class_name: str | None = None
    normalise: bool = False


def edit_run(directory: Path, wanted: Wanted, *, save: Path | None = None) -> EditReport:
    """Measures edits on every split and domain; saves the edited heads where asked.

    Raises:
        PipelineError: Nothing to do, an unknown concept, or a folder that may not be written.
    """
    run = open_finished(directory)
    splits = open_heads(run)
    edits = tuple(edits_of(wanted, ConceptNames.of(run, splits[0].scores.columns)))
    if not edits:
        raise PipelineError("nothing to edit; give --prune, --flip or --weight")
    refuse_idle(wanted)
    with ExitStack() as stack:
        folder = None if save is None else begun(run, save, stack)  # before anything is measured
        report = report_edits(splits, edits, mean=in_mean(run), settings=bootstrap(run))
        if folder is not None:
            save_heads(run, edit_splits(splits, edits), report, folder)
    return report


def begun(run: Run, folder: Path, stack: ExitStack) -> Path:
    """What takes the place of a new folder once the stack is left."""
    try:
        refuse_folder(run, folder)
        return stack.enter_context(new_directory(folder))
    except OSError as error:
        raise PipelineError(
            f"{folder} cannot be made ({error.strerror}); name a folder that you may write"
        ) from error


def refuse_idle(wanted: Wanted) -> None:
    """What is asked and would change nothing."""
    if wanted.class_name is not None and not (wanted.prune or wanted.flip):
        raise PipelineError("--class is for --prune and --flip; --weight names its class itself")
    if wanted.normalise and not wanted.prune:
        raise PipelineError("--normalise is for --prune; give a concept to prune")


def require_metric(metric: str) -> None:
    """Refuses a metric that no report has."""
    if metric not in METRICS:
        raise PipelineError(f"there is no metric {metric!r}; choose from {', '.join(METRICS)}")


def edits_of(wanted: Wanted, names: ConceptNames) -> Iterator[Edit]:
    """Pruned concepts first, then signs, then weights."""
    pruning = PruneAndNormalise if wanted.normalise else Prune
    for name in wanted.prune:
        yield pruning(names.find(name), wanted.class_name)
    for name in wanted.flip:
        yield FlipSign(names.find(name), wanted.class_name)
    for text in wanted.weight:
        yield weight_of(text, names)


def weight_of(text: str, names: ConceptNames) -> SetWeight:
    """From `CLASS:CONCEPT=NUMBER`."""
    cell, _, number = text.rpartition("=")
    class_name, _, concept = cell.rpartition(":")
    try:
        value = float(number)
    except ValueError as error:
        raise PipelineError(f"{number!r} in {text!r} is no number; write CLASS:CONCEPT=0.4") from error
    if not class_name or not concept:
        raise PipelineError(f"{text!r} names no class and concept; write CLASS:CONCEPT=0.4")
    return SetWeight(names.find(concept), class_name, value)


def refuse_folder(run: Run, folder: Path) -> None:
    """An edited model never takes the place of anything."""
    if folder.exists():
        raise PipelineError(f"{folder} exists already; name a new folder for the edited model")
    if folder.resolve().is_relative_to(run.directory.resolve()):
        raise PipelineError(f"{folder} lies inside the run, whose models stay as trained; name one elsewhere")


def save_heads(run: Run, splits: Sequence[SplitHeads], report: EditReport, folder: Path) -> None:
    """`<split>/<seed>` as in `models/knobo` of a run, and `edits.json`."""
    for each in splits:
        seeds = seeds_of(run, each.split.name)
        for seed, head in zip(seeds, each.heads, strict=True):
            head.save(folder / METHOD / each.split.name / seed)
    with replacing(folder / "edits.json") as file:
        file.write(to_json(asdict(report)))
