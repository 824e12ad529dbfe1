"""The folder beside a run in which a refresh works: links to what the run holds, replaced as it changes."""

import os
import shutil
from pathlib import Path

from pipelines.bank_artifacts import DISCOVERED
from pipelines.config.keeping import keep_config
from pipelines.errors import PipelineError
from pipelines.run import Run
from pipelines.stages import stage_named

FOLDER = "refresh"
LITERATURE = ("fetched.json", "gathered.json", "passages.jsonl", "index")
"""Artifacts that a refresh brings up to date."""
BESIDE = (DISCOVERED, "verdicts.jsonl", "rejected.jsonl", "images.parquet")
"""Artifacts that it reads, or that stay as they are."""
UPDATED = ("fetch", "gather", "index", "discover")
"""Stages that need not run again once a refresh has entered a run."""


def require_built(run: Run) -> None:
    """Refuses a run whose bank is not the one that its configuration asks for.

    Raises:
        PipelineError: It was not run yet, or its settings have changed since.
    """
    records = run.records()
    for name in ("images", "index", "discover"):
        if name not in records:
            raise PipelineError(
                f"{run.directory} has no {name} yet; build it with `knobo run`, then refresh it"
            )
    kept = run.path("config.toml")
    if kept.is_file() and _passage_size(kept) != run.config.retrieval.passage_size:
        raise PipelineError(
            f"passage_size is not what {run.directory} was built with; run `knobo run`, which cuts all anew"
        )
    for name in ("images", "index", "discover"):
        if not run.is_fresh(stage_named(name)):
            raise PipelineError(
                f"{name} of {run.directory} is not as its configuration has it now; run `knobo run` first"
            )


def latest(run: Run) -> Run:
    """Where the newest literature lies: an earlier refresh that still fits the run, else the run."""
    staged = Run(run.path(FOLDER), run.config)
    return staged if fits(staged, run) else run


def fits(staged: Run, run: Run) -> bool:
    """Whether a refresh was made for the bank that the run has now, and is whole."""
    ours, theirs = staged.records(), run.records()
    if not set(UPDATED) <= set(ours) or "discover" not in theirs:
        return False
    return ours["discover"].outputs == theirs["discover"].outputs


def waits(run: Run) -> bool:
    """Whether a refresh holds literature that the run does not have."""
    staged = Run(run.path(FOLDER), run.config)
    if not fits(staged, run):
        return False
    ours, theirs = staged.records(), run.records()
    return any(name not in theirs or ours[name].digest != theirs[name].digest for name in UPDATED)


def begin(base: Run, staged: Run) -> None:
    """Links of all artifacts, with records of their stages; what may have changed unseen is read anew."""
    for name in (*LITERATURE, *BESIDE):
        link(base.path(name), staged.path(name))
    keep_config(staged.path("config.toml"), staged.config)
    records = base.records()
    unseen = {"fetch", "gather"} if staged.config.refresh.literature == "hold" else {"fetch"}
    staged.take_over({name: records[name] for name in UPDATED if name in records and name not in unseen})


def link(source: Path, target: Path) -> None:
    """The same file or folder at another place without its bytes: artifacts are replaced, never rewritten."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link)
    elif source.is_file():
        _link(source, target)


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _passage_size(config: Path) -> int:
    from pipelines.config import load_config  # noqa: PLC0415 - only here

    return load_config(config).retrieval.passage_size
