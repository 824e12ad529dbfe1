"""New records become passages, vectors and proposed concepts, beside a run that stays as it is."""

import json
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from knowledge.passage_file import PassageFile
from knowledge.quotes import is_verbatim
from models.files import write_text
from pipelines.config import load_config
from pipelines.curation import OpenBank, open_bank
from pipelines.directories import new_directory
from pipelines.progress import Reporter, SilentReporter
from pipelines.refreshing.entering import complete_entering, enter
from pipelines.refreshing.flagging import flags
from pipelines.refreshing.indexing import update_index
from pipelines.refreshing.kept import read_proposals, undecided, write_flags, write_proposals
from pipelines.refreshing.literature import LiteratureChange, compare_passages
from pipelines.refreshing.outcome import PassageChange, Proposal, RefreshOutcome
from pipelines.refreshing.proposing import UNREAD, Found, described, propose, read_unread
from pipelines.refreshing.reviewing import enter_concepts
from pipelines.refreshing.staging import FOLDER, begin, latest, require_built, stage_named, waits
from pipelines.run import Run


def refresh(config: Path, runs: Path, *, reporter: Reporter | None = None) -> RefreshOutcome:
    """Brings the literature of a finished run up to date and proposes what follows for its bank.

    Nothing of the run changes unless `[refresh] accept = "all"`; the rest lies in its folder `refresh` until
    somebody accepts it. A killed refresh leaves no trace but what the caches keep, so that the next is quick.

    Args:
        config: TOML file of the run.
        runs: Folder that holds the runs.
        reporter: Where progress goes.

    Raises:
        PipelineError: The run is not built yet, or its configuration has changed since.
    """
    started = time.perf_counter()
    loaded = load_config(config)
    run = Run(runs / loaded.name, loaded, reporter or SilentReporter())
    with run.locked():
        complete_entering(run)
        require_built(run)
        outcome = _staged(run)
        if loaded.refresh.accept == "all" and (outcome.waiting or waits(run)):
            enter(run)
            concepts = [each.concept for each in outcome.waiting]
            enter_concepts(run, concepts, who="knobo refresh", reason="[refresh] accept is `all`")
            outcome = replace(outcome, entered=True)
    return replace(outcome, seconds=round(time.perf_counter() - started, 2))


def _staged(run: Run) -> RefreshOutcome:
    """Does the work in a folder that takes its place when all of it is there."""
    opened, base = open_bank(run.directory), latest(run)
    before = undecided(read_proposals(run), opened)
    with new_directory(run.path(FOLDER)) as folder:
        staged = Run(folder, run.config, run.reporter)
        begin(base, staged)
        for name in ("fetch", "gather"):
            staged.execute(stage_named(name))
        change = compare_passages(base.path("passages.jsonl"), staged.path("passages.jsonl"))
        staged.execute(replace(stage_named("index"), work=partial(update_index, change=change)))
        work = Proposing(opened, before, change, read_unread(base.directory))
        staged.execute(replace(stage_named("discover"), work=work))
        passages = PassageFile(staged.path("passages.jsonl"))
        standing = tuple(each for each in before if _stands(each, passages))
        proposed = tuple(described(run, work.found.concepts, passages))
        flagged = flags(opened, passages)
        write_proposals(folder, (*standing, *proposed))
        write_flags(folder, flagged)
        write_text(folder / UNREAD, json.dumps(sorted(work.found.waiting)) + "\n")
    return RefreshOutcome(
        run=run.directory,
        passages=work.counts,
        proposed=proposed,
        waiting=(*standing, *proposed),
        flagged=flagged,
    )
