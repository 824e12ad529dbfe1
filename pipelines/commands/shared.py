"""What the verbs on concepts have in common: options, tables, and what is said after a change."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from knowledge.curation.journal import Entry

console = Console()
_STEERING = {"Cc", "Cf", "Cs"}  # control, format (direction among them), half characters


def readable(text: str | None) -> str | None:
    """Text that can be written; the shell hands over bytes that are not UTF-8 as half characters.

    Raises:
        PipelineError: It holds such bytes.
    """
    from pipelines.errors import PipelineError

    if text is not None and any("\ud800" <= each <= "\udfff" for each in text):
        raise PipelineError(f"{text!r} is not UTF-8; type it again in a terminal that writes UTF-8")
    return text


def all_readable(values: list[str] | None) -> list[str]:
    """The same for an option that may be repeated."""
    return [text for each in values or () if (text := readable(each)) is not None]


RunArgument = Annotated[Path, typer.Argument(help="Run directory, e.g. runs/my-run.", metavar="RUN")]
IdArgument = Annotated[
    str,
    typer.Argument(
        help="Id of a concept, its beginning, or the eight letters that `list` prints.",
        metavar="ID",
        callback=readable,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ByOption = Annotated[
    str | None,
    typer.Option(help="Name that the history keeps; your user name by default.", callback=readable),
]
ReasonOption = Annotated[str, typer.Option(help="Why, for the history.", callback=readable)]


def print_rows(header: Sequence[str], rows: Iterable[Sequence[str]], *, marked: frozenset[int]) -> None:
    """A table; the columns in `marked` hold markup, the others text as it stands."""
    table = Table(*header, header_style="bold", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(cell if n in marked else escape(cell) for n, cell in enumerate(row)))
    console.print(table)


def printable(text: str) -> str:
    """Text from elsewhere without the control characters by which it could steer a terminal."""
    return "".join(" " if unicodedata.category(each) in _STEERING else each for each in text)


def print_json(values: Any) -> None:
    """Indented, accents as they are."""
    print(json.dumps(values, indent=1, ensure_ascii=False, default=str))


def entry_row(entry: "Entry") -> dict[str, Any]:
    """An entry of the journal as plain values."""
    from knowledge.curation.changes import to_row

    row = {"number": entry.number, "when": entry.when, "who": entry.who, "reason": entry.reason}
    return {**row, **to_row(entry.change)}


def say(entries: "Sequence[Entry]", notes: Iterable[str], *, json_: bool) -> None:
    """What was written to the journal, what to look at, and what comes next."""
    remarks = tuple(notes)
    if json_:
        print_json({"entries": [entry_row(entry) for entry in entries], "notes": remarks})
        return
    for entry in entries:
        console.print(f"{entry.number}. {escape(entry.change.describe())}", highlight=False, soft_wrap=True)
    for note in remarks:
        console.print(f"[yellow]{escape(note)}[/]", highlight=False, soft_wrap=True)
    if entries:
        console.print("[dim]The next `knobo run` takes it through.[/]", highlight=False)


def plain(value: Any) -> Any:
    """A dataclass as a mapping."""
    return asdict(value)
