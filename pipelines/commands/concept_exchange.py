"""The verbs that compare, write and read banks: diff, export, import."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipelines.commands.shared import (
    ByOption,
    JsonOption,
    ReasonOption,
    RunArgument,
    console,
    plain,
    print_json,
    say,
)


def diff(
    run: Annotated[Path, typer.Argument(help="Run directory or bank file.", metavar="RUN")],
    other: Annotated[
        Path, typer.Argument(help="The earlier run, or a .csv, .json, .jsonl or .txt.", metavar="OTHER")
    ],
    json_: JsonOption = False,
) -> None:
    """Say what a bank has, lacks, words, quotes and signs otherwise than an earlier one."""
    from knowledge.curation.comparison import compare
    from pipelines.bank_files import read_any

    found = compare(read_any(other), read_any(run))
    if json_:
        print_json(plain(found))
        return
    lines = [
        *(f"[green]+ {escape(each.question)}[/]" for each in found.added),
        *(f"[red]- {escape(each.question)}[/]" for each in found.removed),
        *(f"~ {escape(each.old.question)} -> {escape(each.new.question)}" for each in found.reworded),
        *(
            f'" {escape(each.new.question)}: {len(each.old.evidence)} -> {len(each.new.evidence)} quotations'
            for each in found.requoted
        ),
        *(
            f"± {escape(each.concept.question)} for {escape(each.class_name)}: "
            f"{sign(each.old, each.old_by)} -> {sign(each.new, each.new_by)}"
            for each in found.signs
        ),
    ]
    for line in lines or ["No difference."]:
        console.print(line, highlight=False, soft_wrap=True)


def sign(value: float | None, by: str) -> str:
    """A sign and who gave it."""
    return "none" if value is None else f"{value:+g} ({by})"


def export(
    run: RunArgument,
    file: Annotated[Path, typer.Argument(help="File to write: .csv or .json.", metavar="FILE")],
) -> None:
    """Write the bank with its quotations and signs, to be edited and brought back by `import`."""
    from pipelines.bank_files import export_bank

    count = export_bank(run, file)
    console.print(f"Wrote {count} concepts to {escape(named(file))}.", highlight=False, soft_wrap=True)


def named(path: Path) -> str:
    """A path as text that can be written, also where its name is not UTF-8."""
    return str(path).encode(errors="replace").decode()


def import_(
    run: RunArgument,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="An edited export (.csv, .json), a bank (.jsonl), or a list with a question a line (.txt).",
            metavar="FILE",
        ),
    ] = None,
    *,
    signs: Annotated[
        Path | None, typer.Option(help="Sign file as released with KnoBo (JSON: class, question, yes or no).")
    ] = None,
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Drop the concepts that the file does not have.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would change.")] = False,
    by: ByOption = None,
    reason: ReasonOption = "",
    json_: JsonOption = False,
) -> None:
    """Bring back an edited export, or take over another bank; only what differs becomes history."""
    from knowledge.curation.changes import to_row
    from pipelines.bank_files import imported
    from pipelines.curation import open_bank

    opened = open_bank(run)
    found = imported(opened, file, signs=signs, drop_missing=drop_missing)
    if dry_run:
        if json_:
            print_json({"changes": [to_row(each) for each in found.changes], "notes": found.notes})
            return
        for change in found.changes:
            console.print(f"would: {escape(change.describe())}", highlight=False, soft_wrap=True)
        for note in found.notes:
            console.print(f"[yellow]{escape(note)}[/]", highlight=False, soft_wrap=True)
        console.print(f"{len(found.changes)} changes; nothing was written.", highlight=False)
        return
    why = reason or " and ".join(f"import of {named(each)}" for each in (file, signs) if each is not None)
    entries = opened.record(found.changes, who=by, reason=why) if found.changes else ()
    say(entries, found.notes, json_=json_)
    if not entries and not json_:
        console.print("Nothing differs.")
