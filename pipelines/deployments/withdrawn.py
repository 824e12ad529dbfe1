"""Which withdrawn sources were told before, so that an alert comes once for each and not every night."""

import json
from dataclasses import dataclass
from pathlib import Path

from models.files import write_text
from pipelines.deployments.comparison import folder_of
from pipelines.errors import PipelineError
from pipelines.refreshing import Flag, RefreshOutcome

TOLD = "told_withdrawn.json"


@dataclass(frozen=True, slots=True, order=True)
class Withdrawn:
    """What makes two flags the same news."""

    concept_id: str
    passage_id: str
    why: str

    @classmethod
    def of(cls, flag: Flag) -> "Withdrawn":
        """From what a refresh found."""
        return cls(flag.concept_id, flag.passage_id, flag.why)


@dataclass(frozen=True, slots=True)
class ToldWithdrawn:
    """What was told of a run.

    Attributes:
        flags: Those of the last refresh.
        count: How often they had changed; it tells a source that goes once more from the first time.
    """

    flags: frozenset[Withdrawn] = frozenset()
    count: int = 0


def told_withdrawn(run: Path) -> ToldWithdrawn:
    """Of a run's last refresh that was told; nothing where none was.

    Raises:
        PipelineError: The note is damaged.
    """
    path = folder_of(run) / TOLD
    try:
        values = json.loads(path.read_text("utf-8"))
        return ToldWithdrawn(
            frozenset(Withdrawn(*map(str, row)) for row in values["flags"]), int(values["count"])
        )
    except FileNotFoundError:
        return ToldWithdrawn()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PipelineError(f"{path} is damaged ({error}); remove it") from error


def mark_withdrawn(outcome: RefreshOutcome, before: ToldWithdrawn) -> None:
    """Notes what was told; what stands again is forgotten, so that it is told if it goes once more."""
    flagged = frozenset(map(Withdrawn.of, outcome.flagged))
    if flagged == before.flags:
        return
    rows = [[each.concept_id, each.passage_id, each.why] for each in sorted(flagged)]
    path = folder_of(outcome.run) / TOLD
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps({"schema": 1, "count": before.count + 1, "flags": rows}) + "\n")
