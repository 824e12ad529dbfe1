"""`knobo edit`: weights of KnoBo changed by hand, with what that does on every split and domain."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipelines.commands.shared import JsonOption, RunArgument, all_readable, console, print_json


def edit(  # noqa: PLR0917 - typer calls by name
    run: RunArgument,
    prune: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONCEPT", help="Set its weight to zero; may be repeated.", callback=all_readable
        ),
    ] = None,
    flip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONCEPT", help="Turn the sign of its weight; may be repeated.", callback=all_readable
        ),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS:CONCEPT=NUMBER",
            help="Give it this weight; may be repeated.",
            callback=all_readable,
        ),
    ] = None,
    class_: Annotated[
        str | None, typer.Option("--class", help="Class that --prune and --flip are for; all by default.")
    ] = None,
    normalise: Annotated[
        bool, typer.Option("--normalise", help="Scale pruned rows back to their former l1 norm.")
    ] = False,
    metric: Annotated[str, typer.Option(help="accuracy, balanced_accuracy or auroc.")] = "accuracy",
    save: Annotated[
        Path | None, typer.Option(help="New folder for the edited models; the run keeps its own.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Change weights, and see every domain before and after: `knobo edit runs/my-run --prune 5a32fbf4`.

    What a pruned concept told may still be told by others: nothing is deleted from the images' scores.
    """
    from pipelines.commands.what_if_tables import print_edits
    from pipelines.what_if.edits import Wanted, edit_run, require_metric

    require_metric(metric)
    wanted = Wanted(tuple(prune or ()), tuple(flip or ()), tuple(weight or ()), class_, normalise=normalise)
    report = edit_run(run, wanted, save=save)
    if json_:
        print_json(asdict(report))
        return
    print_edits(report, metric=metric)
    if save is not None:
        console.print(f"Saved in {escape(str(save))}.", highlight=False, soft_wrap=True)
