"""Whether what lies in a run's directory belongs together: no server opens a run that is half rebuilt."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipelines.digests import content_digest
from pipelines.errors import PipelineError
from pipelines.locks import lock_now
from pipelines.run import Run, Stage, StageRecord

OPENED = ("audit.json", "concepts.jsonl", "grounder", "models", "passages.jsonl", "scores", "splits")
"""Artifacts that a server answers from."""
LINKED = ("split", "encode", "checks", "ground", "erase", "score", "fit", "fine_tune", "audit")
"""Stages from the images to the audit; literature that was read since does not change an answer."""
OUTSIDE = frozenset({"datasets"})
"""Sections of files that need not be where a server runs; absent ones cannot be told from changed ones."""


@contextmanager
def nobody_at_work(directory: Path) -> Iterator[None]:
    """Keeps processes that rebuild a run out of it, and lets other servers open it at the same time.

    A run that no process has worked on here, or whose lock may not be read, is opened without.

    Raises:
        PipelineError: A process works on it.
    """
    try:
        file = (directory / ".lock").open("rb")
    except OSError:
        yield
        return
    with file:
        if not lock_now(file, fcntl.LOCK_SH):
            raise PipelineError(
                f"a process works on {directory}; wait until it is done, or serve another run"
            )
        yield


def require_whole(run: Run) -> None:
    """Refuses a run whose audit is not that of its detectors and heads, or that has been changed by hand.

    Raises:
        PipelineError: A stage is missing or older than what it rests on, or an artifact is another one.
    """
    from pipelines.stages import STAGES  # noqa: PLC0415  # imports torch

    names = [stage.name for stage in STAGES]
    needed, records = STAGES[: names.index("audit") + 1], run.records()
    advice = "finish it with `knobo run CONFIG`, or serve another run"
    missing = [stage.name for stage in needed if stage.name not in records]
    if missing:
        found = f"{run.path('manifest.json')} has no record of {', '.join(missing)}"
        raise PipelineError(f"{found}, so the run is not finished; {advice}")
    for stage in needed:
        if stage.name in LINKED and not rests_on_its_inputs(run, stage, records):
            older = f"its stage {stage.name} is older than its settings, code or inputs"
            raise PipelineError(f"{run.directory} is half rebuilt: {older}; {advice}")
    outputs = outputs_of(records)
    for artifact in OPENED:
        if not run.path(artifact).exists() or content_digest(run.path(artifact)) != outputs.get(artifact):
            found = f"{run.path(artifact)} is not what {run.path('manifest.json')} says"
            raise PipelineError(f"{found}; {advice}")


def rests_on_its_inputs(run: Run, stage: Stage, records: Mapping[str, StageRecord]) -> bool:
    """Whether a stage read what other stages wrote last, under the settings of the run.

    Told from the manifest, but for settings that are files; where these are absent they are passed over.
    """
    record, outputs = records[stage.name], outputs_of(records)
    inputs = {name: outputs.get(name) for name in stage.reads}
    if record.inputs:
        if any(record.inputs.get(name) != digest for name, digest in inputs.items()):
            return False
    elif any(other.inputs and set(other.outputs) & set(inputs) for other in records.values()):
        return False  # a manifest of earlier days keeps no inputs; what was made since is newer
    if OUTSIDE & set(stage.uses):
        return True
    try:
        return run.stage_digest(stage, inputs) == record.digest
    except PipelineError:
        return True


def outputs_of(records: Mapping[str, StageRecord]) -> dict[str, str]:
    """Digest of every artifact that was written."""
    return {name: digest for record in records.values() for name, digest in record.outputs.items()}
