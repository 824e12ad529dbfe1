"""`knobo ablate`: which concepts carry the decisions."""

from dataclasses import asdict
from typing import Annotated

import typer

from pipelines.commands.shared import JsonOption, RunArgument, print_json


def ablate(
    run: RunArgument,
    split: Annotated[str | None, typer.Option(help="One split instead of the mean.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Concepts to print, those with the largest change.")] = 15,
    json_: JsonOption = False,
) -> None:
    """Set each concept, and all, to its training mean: `knobo ablate runs/my-run --split my-split`.

    Of twenty concepts without any effect, the interval of one excludes zero by chance.
    """
    from pipelines.commands.what_if_tables import print_ablation
    from pipelines.status import open_finished
    from pipelines.what_if.ablation import ablate_run, largest, of_scope
    from pipelines.what_if.heads import open_heads
    from pipelines.what_if.naming import ConceptNames

    opened = open_finished(run)
    found = ablate_run(opened, split=split)
    if json_:
        print_json([asdict(each) for each in found])
        return
    scope, concepts = of_scope(found)
    names = ConceptNames.of(opened, open_heads(opened, split)[0].scores.columns)
    print_ablation(scope, largest(concepts, top), names)
