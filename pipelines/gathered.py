"""`gathered.json`: what each literature source gave, and what of it could not be read."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from models.files import write_text


@dataclass(frozen=True, slots=True)
class Gathered:
    """One literature source.

    Attributes:
        name: Of the source.
        documents: With text.
        passages: Cut from them.
        retracted: Documents that are retracted articles.
        remarks: One sentence for each thing left out, broken or unusual.
    """

    name: str
    documents: int
    passages: int
    retracted: int
    remarks: tuple[str, ...] = ()


def write_gathered(path: Path, sources: Sequence[Gathered]) -> None:
    """A JSON list."""
    write_text(path, json.dumps([asdict(source) for source in sources], indent=1) + "\n")
