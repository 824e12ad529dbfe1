"""`knobo concepts review`: what a refresh proposes, to accept or to turn down."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from pipelines.commands.shared import (
    ByOption,
    JsonOption,
    ReasonOption,
    RunArgument,
    all_readable,
    console,
    plain,
    print_json,
    printable,
    say,
)

if TYPE_CHECKING:
    from pipelines.refreshing import Flag, Proposal


def review(  # noqa: PLR0917 - typer calls by name
    run: RunArgument,
    accept: Annotated[
        list[str] | None, typer.Option(help="Id of a proposal to take in; may be repeated.", metavar="ID")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option(help="Id of a proposal to turn down; may be repeated.", metavar="ID")
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Take in the new literature and all proposals not turned down.")
    ] = False,
    by: ByOption = None,
    reason: ReasonOption = "",
    json_: JsonOption = False,
) -> None:
    """List what `knobo refresh` proposes, and what rests on withdrawn articles; take in or turn down.

    With the first proposal that is taken in, all the literature of the refresh comes into force.
    """
    from pipelines.refreshing import reviewing

    taken, refused = all_readable(accept), all_readable(reject)
    reviewing.require_waiting(run, [*taken, *refused])
    waited = reviewing.open_review(run).literature
    entries = reviewing.reject(run, refused, who=by, reason=reason) if refused else ()
    if taken or all_:
        entries += reviewing.accept(run, None if all_ else taken, who=by, reason=reason)
    found = reviewing.open_review(run)
    if entries or taken or all_:
        say(entries, (), json_=json_)
        if waited and not found.literature and not json_:
            console.print("[dim]The new literature is in force; the next `knobo run` takes it through.[/]")
        return
    if json_:
        print_json(plain(found))
        return
    print_review(found.proposals, found.flags)
    if found.literature and not found.proposals:
        console.print("New literature waits; --all takes it in.")
    elif not (found.proposals or found.literature or found.flags):
        console.print("Nothing waits for review.")


def print_review(proposals: "Sequence[Proposal]", flags: "Sequence[Flag]") -> None:
    """Proposals with their quotes, then what rests on withdrawn articles."""
    for each in proposals:
        seen = "not learnt" if each.auroc is None else f"AUROC {each.auroc:.3f} (from {each.auroc_low:.3f})"
        facts = f"{each.concept.id} · {each.yes} yes, {each.no} no · {seen}"
        quote, place = each.concept.evidence[0].quote, f"{each.locator} · {each.license}"
        console.print(f"[bold]{escape(printable(each.concept.question))}[/]", highlight=False, soft_wrap=True)
        console.print(f'  "{escape(printable(quote))}"', highlight=False, soft_wrap=True)
        for line in (place, facts):
            console.print(f"  [dim]{escape(printable(line))}[/]", highlight=False, soft_wrap=True)
    for flag in flags:
        console.print(f"[red]{escape(printable(flag_text(flag)))}[/]", highlight=False, soft_wrap=True)


def flag_text(flag: "Flag") -> str:
    """What was withdrawn, and what rests on it."""
    what = "was retracted" if flag.why == "retracted" else "is no longer in the literature"
    rest = "on nothing else" if flag.alone else "on other quotations, too"
    used = "the classifier uses it" if flag.used else "the classifier does not use it"
    return f"{flag.locator} {what}: `{flag.question}` ({flag.concept_id}) rests on it and {rest}; {used}."
