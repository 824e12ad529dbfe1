"""`knobo refresh`: what the literature has that is new, and the concepts it proposes."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipelines.commands.concept_review import print_review
from pipelines.commands.shared import JsonOption, console, print_json


def refresh(
    config: Annotated[Path, typer.Argument(help="Configuration file.", metavar="CONFIG")],
    runs: Annotated[Path, typer.Option(help="Folder that holds the runs.")] = Path("runs"),
    json_: JsonOption = False,
) -> None:
    """Look for new literature and propose the concepts it gives; the run stays as it is until you accept."""
    from pipelines.launch import reporter_for
    from pipelines.refreshing import refresh as refresh_run

    with reporter_for(quiet=json_) as reporter:
        outcome = refresh_run(config, runs, reporter=reporter)
    if json_:
        print_json(outcome.as_json())
        return
    console.print(escape(outcome.sentence), highlight=False, soft_wrap=True)
    print_review(outcome.waiting, outcome.flagged)
    if outcome.waiting and not outcome.entered:
        console.print(
            f"[dim]Decide with: knobo concepts review {escape(str(outcome.run))}[/]", soft_wrap=True
        )
    if outcome.entered:
        console.print("[dim]The next `knobo run` takes it through.[/]", highlight=False)
