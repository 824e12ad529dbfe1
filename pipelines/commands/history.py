"""`knobo history`: what the audits of each run found over time, and what changed between them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipelines.commands.shared import JsonOption, console, print_json, print_rows


def history(  # noqa: PLR0917 - typer calls by name
    runs: Annotated[Path, typer.Argument(help="Folder that holds the runs.", metavar="RUNS")] = Path("runs"),
    run: Annotated[str | None, typer.Option(help="One run by name.")] = None,
    method: Annotated[str, typer.Option(help="Whose numbers.")] = "knobo",
    metric: Annotated[str, typer.Option(help="As in audit.json, e.g. accuracy.")] = "accuracy",
    html: Annotated[Path | None, typer.Option(help="Write the trends as a page with a picture.")] = None,
    json_: JsonOption = False,
) -> None:
    """Print how the audits of each run went over time, and what changed between them."""
    from models.files import write_text
    from pipelines.history.page import render_page
    from pipelines.history.trend import COLUMNS, trends

    found = trends(runs, run=run, method=method, metric=metric)
    if json_:
        print_json([each.as_json() for each in found])
    else:
        for trend in found:
            console.print(f"[bold]{escape(trend.run)}[/] {escape(trend.scope)}", highlight=False)
            print_rows(COLUMNS, trend.table(), marked=frozenset())
    if html:
        write_text(html, render_page(found))
        if not json_:
            console.print(f"Page: {html}", highlight=False, soft_wrap=True)
