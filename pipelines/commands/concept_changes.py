"""The verbs that change a bank; each becomes an entry of its journal."""

from typing import Annotated

import typer

from pipelines.commands.shared import (
    ByOption,
    IdArgument,
    JsonOption,
    ReasonOption,
    RunArgument,
    readable,
    say,
)

QuestionArgument = Annotated[
    str,
    typer.Argument(
        help="A yes/no question about something seen in the image.", metavar="QUESTION", callback=readable
    ),
]
QuoteOption = Annotated[
    str | None, typer.Option(help="A sentence of a passage, as it stands there.", callback=readable)
]
PassageOption = Annotated[
    str | None,
    typer.Option(
        help="Id of the passage that holds the quote; all are searched by default.", callback=readable
    ),
]


def edit(
    run: RunArgument,
    concept: IdArgument,
    question: QuestionArgument,
    *,
    by: ByOption = None,
    reason: ReasonOption = "",
    json_: JsonOption = False,
) -> None:
    """Word a concept otherwise; it gets a new id, and keeps its quotations, signs and history."""
    from pipelines.curation import open_bank
    from pipelines.curation_changes import remarks, reworded

    opened = open_bank(run)
    change = reworded(opened, opened.find(concept), question)
    entries = opened.record([change], who=by, reason=reason)
    say(entries, remarks(opened, change.after), json_=json_)


def merge(
    run: RunArgument,
    concept: IdArgument,
    others: Annotated[
        list[str], typer.Argument(help="Ids of concepts that ask the same.", metavar="OTHER...")
    ],
    *,
    question: Annotated[
        str | None, typer.Option(help="Wording of the result, if another.", callback=readable)
    ] = None,
    by: ByOption = None,
    reason: ReasonOption = "",
    json_: JsonOption = False,
) -> None:
    """Make one concept of several: the first keeps its wording and its signs, the quotations of all count."""
    from pipelines.curation import open_bank
    from pipelines.curation_changes import merged, remarks

    opened = open_bank(run)
    change = merged(opened, [opened.find(each) for each in (concept, *others)], question)
    entries = opened.record([change], who=by, reason=reason)
    say(entries, remarks(opened, change.after), json_=json_)


def drop(
    run: RunArgument,
    concepts: Annotated[list[str], typer.Argument(help="Ids of concepts.", metavar="ID...")],
    by: ByOption = None,
    reason: ReasonOption = "",
    json_: JsonOption = False,
) -> None:
    """Take concepts out of the bank; a later discovery does not bring them back, `undo` does."""
    from knowledge.curation.concept_changes import Drop
    from pipelines.curation import open_bank

    opened = open_bank(run)
    changes = [Drop(each) for each in dict.fromkeys(map(opened.find, concepts))]
    say(opened.record(changes, who=by, reason=reason), (), json_=json_)


def add(
    run: RunArgument,
    question: QuestionArgument,
    *,
    quote: QuoteOption = None,
    passage: PassageOption = None,
    expert: Annotated[
        bool, typer.Option("--expert", help="Add it without literature, visibly as an expert's own.")
    ] = False,
    by: ByOption = None,
    reason: ReasonOption = "",
    json_: JsonOption = False,
) -> None:
    """Add a concept with a quotation from the literature, or with --expert as your own."""
    from pipelines.curation import open_bank
    from pipelines.curation_changes import added, remarks

    opened = open_bank(run)
    change = added(opened, question, quote=quote, passage_id=passage, expert=expert)
    entries = opened.record([change], who=by, reason=reason)
    say(entries, remarks(opened, change.after), json_=json_)


def accept(
    run: RunArgument,
    concepts: Annotated[
        list[str], typer.Argument(help="Ids from `knobo concepts list RUN --rejected`.", metavar="ID...")
    ],
    by: ByOption = None,
    reason: ReasonOption = "",
    json_: JsonOption = False,
) -> None:
    """Take in candidates that the screening refused."""
    from pipelines.curation import open_bank
    from pipelines.curation_changes import accepted, remarks

    opened = open_bank(run)
    changes = accepted(opened, concepts)
    entries = opened.record(changes, who=by, reason=reason)
    say(entries, [note for each in changes for note in remarks(opened, each.after)], json_=json_)


def cite(
    run: RunArgument,
    concept: IdArgument,
    quote: Annotated[
        str,
        typer.Argument(
            help="A sentence of a passage, as it stands there.", metavar="QUOTE", callback=readable
        ),
    ],
    *,
    passage: PassageOption = None,
    by: ByOption = None,
    reason: ReasonOption = "",
    json_: JsonOption = False,
) -> None:
    """Let a concept rest on a further quotation."""
    from pipelines.curation import open_bank
    from pipelines.curation_changes import cited, remarks

    opened = open_bank(run)
    change = cited(opened, opened.find(concept), quote, passage_id=passage)
    entries = opened.record([change], who=by, reason=reason)
    say(entries, remarks(opened, change.after), json_=json_)


def sign(
    run: RunArgument,
    concept: IdArgument,
    class_name: Annotated[str, typer.Argument(help="Class of the configuration.", metavar="CLASS")],
    value: Annotated[
        str,
        typer.Argument(
            help="for, against, abstain, a number from -1 to 1, or none to take back your sign.",
            metavar="SIGN",
        ),
    ],
    *,
    by: ByOption = None,
    reason: ReasonOption = "",
    json_: JsonOption = False,
) -> None:
    """Say which way a concept speaks for a class; an expert's sign wins over the model's."""
    from pipelines.curation import open_bank
    from pipelines.curation_changes import signed

    opened = open_bank(run)
    change = signed(opened, opened.find(concept), class_name, value)
    say(opened.record([change], who=by, reason=reason), (), json_=json_)


def undo(
    run: RunArgument,
    number: Annotated[
        int | None, typer.Argument(help="Entry of the history; the last that counts by default.")
    ] = None,
    by: ByOption = None,
    reason: ReasonOption = "",
    json_: JsonOption = False,
) -> None:
    """Take one entry of the history back; the entry stays in the history."""
    from pipelines.curation import open_bank
    from pipelines.curation_changes import undone

    opened = open_bank(run)
    say(opened.record([undone(opened, number)], who=by, reason=reason), (), json_=json_)


def restore(
    run: RunArgument,
    number: Annotated[int, typer.Argument(help="Entry of the history; 0 is the bank as discovered.", min=0)],
    by: ByOption = None,
    reason: ReasonOption = "",
    json_: JsonOption = False,
) -> None:
    """Go back to the bank as it was after an entry of the history."""
    from knowledge.curation.replay import restore as back_to
    from pipelines.curation import open_bank

    opened = open_bank(run)
    say(opened.record([back_to(opened.entries, number)], who=by, reason=reason), (), json_=json_)
