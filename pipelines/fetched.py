"""`fetched.json`: what the network sources of a run held when they were last asked."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from models.files import write_text
from pipelines.errors import PipelineError


@dataclass(frozen=True, slots=True)
class Fetched:
    """One network source.

    Attributes:
        name: Of the literature source.
        held: Records of a query, files of a mirror.
        until: Day up to which they are complete, `2026-11-23`; empty where nobody knows.
        content: Digest of the records, so that later stages see a change and nothing else.
        remarks: Sentences that a reader of the figures must know.
    """

    name: str
    held: int
    until: str
    content: str
    remarks: tuple[str, ...] = ()


def write_fetched(path: Path, sources: Sequence[Fetched]) -> None:
    """A JSON list."""
    write_text(path, json.dumps([asdict(source) for source in sources], indent=1) + "\n")


def read_fetched(path: Path) -> tuple[Fetched, ...]:
    """What `write_fetched` wrote.

    Raises:
        PipelineError: The file is damaged.
    """
    try:
        rows = json.loads(path.read_text("utf-8"))
        return tuple(Fetched(**{**row, "remarks": tuple(row["remarks"])}) for row in rows)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PipelineError(
            f"{path} cannot be read ({error}); delete it, and the run fetches again"
        ) from error
