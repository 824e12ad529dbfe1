"""Proposals and flags on disk, and which proposals people have decided on."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from knowledge.concepts import parse_concept
from knowledge.curation.concept_changes import Add, Drop
from models.files import write_text
from pipelines.curation import OpenBank
from pipelines.errors import PipelineError
from pipelines.refreshing.outcome import Flag, Proposal
from pipelines.refreshing.staging import FOLDER
from pipelines.run import Run

PROPOSALS, FLAGS, UNREAD = "proposals.jsonl", "flags.jsonl", "unread.json"


def write_proposals(folder: Path, proposals: Sequence[Proposal]) -> None:
    """One a line."""
    _write(folder / PROPOSALS, proposals)


def write_flags(folder: Path, flags: Sequence[Flag]) -> None:
    """One a line."""
    _write(folder / FLAGS, flags)


def write_unread(folder: Path, names: Iterable[str]) -> None:
    """Ids of passages that a refresh did not get to."""
    write_text(folder / UNREAD, json.dumps(sorted(names)) + "\n")


def read_unread(latest: Run) -> frozenset[str]:
    """What the last refresh did not get to; nothing in a run that was never refreshed."""
    path = latest.path(UNREAD)
    return frozenset(json.loads(path.read_text("utf-8"))) if path.is_file() else frozenset()


def read_proposals(run: Run) -> tuple[Proposal, ...]:
    """Of all refreshes so far, decided or not; none before the first."""
    return tuple(
        Proposal(**{**row, "concept": parse_concept(row["concept"])})
        for row in _rows(run.path(FOLDER) / PROPOSALS)
    )


def read_flags(run: Run) -> tuple[Flag, ...]:
    """Of the last refresh."""
    return tuple(Flag(**row) for row in _rows(run.path(FOLDER) / FLAGS))


def undecided(proposals: Sequence[Proposal], opened: OpenBank) -> tuple[Proposal, ...]:
    """Those that the journal neither adds nor drops; an undone decision is none."""
    changes = [entry.change for entry in opened.counting]
    decided = {change.after.id for change in changes if isinstance(change, Add)}
    decided |= {change.before.id for change in changes if isinstance(change, Drop)}
    return tuple(each for each in proposals if each.concept.id not in decided | set(opened.bank.ids))


def _write(path: Path, items: Sequence[Proposal] | Sequence[Flag]) -> None:
    write_text(path, "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in items))


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    except ValueError as error:
        raise PipelineError(
            f"{path} is damaged ({error}); mend that line, or delete {path.parent} and refresh again, which "
            "finds again what new literature gives, but not what waited from before it came into force"
        ) from error
