"""The verbs that read a bank: list, show, check, history."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pipelines.commands.shared import (
    IdArgument,
    JsonOption,
    RunArgument,
    console,
    entry_row,
    plain,
    print_json,
    print_rows,
)

if TYPE_CHECKING:
    from pipelines.concept_list import ConceptRow, SignMark
    from pipelines.concept_story import QuotedPassage, Story


def list_(
    run: RunArgument,
    rejected: Annotated[
        bool, typer.Option("--rejected", help="List the refused candidates instead.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """List the concepts: quality, signs (* an expert's, ° imported), where they come from, what to notice."""
    from pipelines.concept_list import as_json, concept_rows, rejected_rows
    from pipelines.curation import open_bank
    from pipelines.refreshing.kept import read_flags

    if rejected:
        refused = rejected_rows(run)
        if json_:
            print_json(as_json(refused))
            return
        cells = [(row.id.rpartition("-")[2], row.question, row.test, row.reason) for row in refused]
        print_rows(("id", "question", "failed", "reason"), cells, marked=frozenset())
        return
    opened = open_bank(run)
    rows = concept_rows(opened)
    if json_:
        print_json(as_json(rows))
        return
    header = ("id", "question", "AUROC", "kept", "signs", "source", "notice")
    print_rows(header, map(cells_of, rows), marked=frozenset({4, 6}))
    if opened.waits:
        console.print(
            "[yellow]Changes wait for the next `knobo run`; AUROC and `kept` are of the last.[/]",
            highlight=False,
        )
    if flags := read_flags(opened.run):
        withdrawn = len({flag.concept_id for flag in flags})
        console.print(
            f"[red]{withdrawn} concepts rest on articles withdrawn since: `knobo concepts review`.[/]",
            highlight=False,
        )


def cells_of(row: "ConceptRow") -> tuple[str, ...]:
    """One row of the table."""
    auroc = "" if row.auroc is None else f"{row.auroc:.3f}"
    kept, signs = "yes" if row.kept else "no", ", ".join(map(sign_text, row.signs))
    notice = f"[red]{escape(row.marks)}[/]" if row.retracted else escape(row.marks)
    return row.short, row.question, auroc, kept, signs, row.where, notice


def sign_text(mark: "SignMark") -> str:
    """`pneumonia +1*` in bold where an expert gave it."""
    text = f"{escape(mark.class_name)} {mark.sign:+g}"
    return (
        f"[bold]{text}*[/]" if mark.source == "expert" else f"{text}°" if mark.source == "imported" else text
    )


def show(run: RunArgument, concept: IdArgument, json_: JsonOption = False) -> None:
    """Print everything about one concept, rejected ones too: passages, signs, tests, answers, history."""
    from pipelines.concept_story import story_of

    found = story_of(run, concept)
    if json_:
        print_json({**plain(found), "history": [entry_row(entry) for entry in found.history]})
    else:
        print_story(found)


def print_story(story: "Story") -> None:
    """As paragraphs."""
    for text in (*headed(story), *map(passage_text, story.passages), *ending(story)):
        console.print(text, highlight=False, soft_wrap=True)


def headed(story: "Story") -> Iterator[str]:
    """Question, quality, signs and answers."""
    row = story.row
    learnt = "" if row.auroc is None else f"AUROC {row.auroc:.3f}, {'kept' if row.kept else 'not kept'}"
    facts = (row.marks, f"query: {story.query}" if story.query else "", learnt)
    yield f"[bold]{escape(row.question)}[/]\n{escape(row.id)}"
    yield "[dim]" + escape(" · ".join(fact for fact in facts if fact)) + "[/]"
    yield from (f"  {sign_text(sign)} [dim]({escape(sign.source)})[/]" for sign in row.signs)
    yield from (f"  {escape(answers)}" for answers in story.answers)


def passage_text(quoted: "QuotedPassage") -> str:
    """The quote in its passage, and where that stands."""
    place = (quoted.locator, quoted.source, quoted.license, quoted.passage_id)
    withdrawn = " [red]RETRACTED[/]" if quoted.retracted else ""
    return (
        f"\n{escape(quoted.before)}[bold]{escape(quoted.quote)}[/]{escape(quoted.after)}\n"
        f"[dim]{escape(' · '.join(each for each in place if each))}[/]{withdrawn}"
    )


def ending(story: "Story") -> Iterator[str]:
    """What the signs rest on, tests, origin and history."""
    from pipelines.sign_story import basis_lines

    tests = [f"{'passed' if each.passed else 'failed'} {each.test}: {each.reason}" for each in story.verdicts]
    changes = [f"{each.number}. {each.when} {each.who}: {each.change.describe()}" for each in story.history]
    groups = (
        ("Signs of the last run", tuple(basis_lines(story.bases))),
        ("Tests", tests),
        ("Made from", story.formerly),
        ("History", changes),
    )
    for title, lines in groups:
        if lines:
            yield f"\n[bold]{title}[/]"
            yield from (f"  {escape(line)}" for line in lines)


def check(
    run: RunArgument,
    kind: Annotated[str | None, typer.Option(help="One kind of finding instead of all.")] = None,
    json_: JsonOption = False,
) -> None:
    """List what to look at: class names, weak or withdrawn quotes, concepts that ask the same, odd signs."""
    from pipelines.bank_check import check_bank

    advice = check_bank(run, kind=kind)
    if json_:
        print_json([{**plain(each.finding), "command": each.command} for each in advice])
        return
    counts = Counter(each.finding.kind for each in advice)
    shown = ""
    for each in advice:
        if each.finding.kind != shown:
            shown = each.finding.kind
            console.print(f"\n[bold]{shown.replace('_', ' ')}[/] ({counts[shown]})", highlight=False)
        questions = "\n".join(f"  {short}  {escape(question)}" for short, question in each.questions)
        remark = f"    {escape(each.finding.reason)}\n    [dim]{escape(each.command)}[/]"
        console.print(f"{questions}\n{remark}", highlight=False, soft_wrap=True)
    if not advice:
        console.print("Nothing to look at.")


def history(
    run: RunArgument,
    concept: Annotated[str | None, typer.Argument(help="One concept instead of all.", metavar="ID")] = None,
    json_: JsonOption = False,
) -> None:
    """List every change of the bank: when, who, what and why, and whether it counts."""
    from pipelines.concept_story import entries_of
    from pipelines.curation import open_bank

    opened = open_bank(run)
    entries = opened.entries if concept is None else entries_of(opened, concept)
    counting = {entry.number for entry in opened.counting}
    notes: dict[int, list[str]] = {}
    for note in opened.curated.notes:
        notes.setdefault(note.number, []).append(note.text)
    rows: list[dict[str, Any]] = [
        {**entry_row(entry), "counts": entry.number in counting, "notes": notes.get(entry.number, [])}
        for entry in entries
    ]
    if json_:
        print_json(rows)
        return
    cells = [
        (
            str(entry.number),
            entry.when,
            entry.who,
            entry.change.describe(),
            entry.reason,
            " ".join(row["notes"]) if row["counts"] else "undone",
        )
        for entry, row in zip(entries, rows, strict=True)
    ]
    print_rows(("", "when (UTC)", "who", "what", "why", "state"), cells, marked=frozenset())
