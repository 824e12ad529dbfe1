"""New records become passages, vectors and proposed concepts, beside a run that stays as it is."""

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from knowledge.passage_file import PassageFile
from knowledge.passages import Passage
from knowledge.quotes import is_verbatim
from pipelines.config import load_config
from pipelines.curation import open_bank
from pipelines.directories import new_directory
from pipelines.progress import Reporter, SilentReporter
from pipelines.refreshing.entering import complete_entering, enter
from pipelines.refreshing.flagging import flags
from pipelines.refreshing.indexing import update_index
from pipelines.refreshing.kept import (
    read_proposals,
    read_unread,
    undecided,
    write_flags,
    write_proposals,
    write_unread,
)
from pipelines.refreshing.literature import compare_passages
from pipelines.refreshing.outcome import Proposal, RefreshOutcome
from pipelines.refreshing.proposing import described, propose
from pipelines.refreshing.reviewing import enter_concepts
from pipelines.refreshing.staging import FOLDER, begin, latest, require_built, waits
from pipelines.run import Run
from pipelines.stages import stage_named


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
        passages = PassageFile(staged.path("passages.jsonl"))
        found = propose(staged, opened, before, readable(change.new_texts | read_unread(base), passages))
        staged.execute(replace(stage_named("discover"), work=_bank_stays))
        proposed = described(run, staged, found.concepts)
        waiting = (*(each for each in before if stands(each, passages)), *proposed)
        flagged = flags(opened, passages)
        write_proposals(folder, waiting)
        write_flags(folder, flagged)
        write_unread(folder, found.waiting)
    counts = replace(change.counts, read=len(found.read))
    return RefreshOutcome(run.directory, counts, tuple(proposed), waiting, flagged)


def readable(ids: Collection[str], passages: Mapping[str, Passage]) -> frozenset[str]:
    """Those that are still there and not retracted."""
    there = ((name, passages.get(name)) for name in ids)
    return frozenset(name for name, passage in there if passage is not None and not passage.retracted)


def stands(proposal: Proposal, passages: Mapping[str, Passage]) -> bool:
    """Whether what it rests on is still in the literature and not retracted."""
    for each in proposal.concept.evidence:
        passage = passages.get(each.passage_id)
        if passage is None or passage.retracted or not is_verbatim(each, passage):
            return False
    return True


def _bank_stays(_staged: Run) -> None:
    """What discovery found stays as it is: what is new waits for a person, and enters by the journal."""
