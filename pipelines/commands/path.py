"""`knobo path`: how KnoBo's optimum moves from the data to the prior as lambda grows."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipelines.commands.shared import JsonOption, RunArgument, console, print_json


def path(
    run: RunArgument,
    split: Annotated[str | None, typer.Option(help="One split instead of the mean.")] = None,
    svg: Annotated[
        Path | None, typer.Option(help="Also draw it, in a file that ends in .svg.", metavar="FILE")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Follow lambda from no prior to nothing but the prior: `knobo path runs/my-run --svg path.svg`.

    These are optima of the loss and not the audited heads, which stop earlier; lambda was not chosen by it.
    """
    from pipelines.commands.what_if_tables import print_path
    from pipelines.report.path_view import write_drawing
    from pipelines.status import open_finished
    from pipelines.what_if.lambda_path import path_of_run, shown

    opened = open_finished(run)
    own = opened.config.fit.prior_weight
    found = path_of_run(opened, split=split)
    if svg is not None:
        write_drawing(svg, shown(found), own=own)
    if json_:
        print_json([asdict(each) for each in found])
        return
    print_path(shown(found), own=own)
    if svg is not None:
        console.print(f"Drawn in {escape(str(svg))}.", highlight=False, soft_wrap=True)
