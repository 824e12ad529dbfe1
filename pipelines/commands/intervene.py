"""`knobo intervene`: what KnoBo says once concepts are answered by hand, on one image or over many."""

from typing import Annotated

import typer

from pipelines.commands.default_verb import DefaultVerb
from pipelines.commands.shared import JsonOption, RunArgument, all_readable, print_json
from pipelines.what_if.level_names import LevelName

app = typer.Typer(
    cls=DefaultVerb.to("image"),
    no_args_is_help=True,
    help="Answer concepts by hand and see the classes move; `knobo intervene RUN IMAGE` stands for "
    "`knobo intervene image RUN IMAGE`.",
)
LevelsOption = Annotated[
    LevelName,
    typer.Option(
        help="Score that a yes or no is set to: where a perfect detector would put it, the 95th or 5th "
        "percentile of the training scores, or 1 and 0."
    ),
]


@app.command()
def image(  # noqa: PLR0917 - typer calls by name
    run: RunArgument,
    image: Annotated[str, typer.Argument(help="Image id, <data set>/<id>.", metavar="IMAGE")],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="CONCEPT=VALUE",
            help="yes, no or a score from 0 to 1 for a concept, by its id, the beginning of it or its last "
            "eight letters; may be repeated. Without it, every concept with what its answer would do.",
            callback=all_readable,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Split whose classifier is asked; by default one that reports the image."),
    ] = None,
    levels: LevelsOption = LevelName.MATCHED,
    top: Annotated[int, typer.Option(min=1, help="Concepts to print where none is set.")] = 12,
    json_: JsonOption = False,
) -> None:
    """Set concepts of one image: `knobo intervene runs/my-run iu/12 --set 5a32fbf4=yes`."""
    from pipelines.commands.what_if_tables import print_intervention, print_questions
    from pipelines.what_if.one_image import intervene_on_image, open_questions

    if set_:
        found = intervene_on_image(run, image, set_, split=split, levels=levels)
        if json_:
            print_json(found.as_json())
        else:
            print_intervention(found)
        return
    asked = open_questions(run, image, split=split, levels=levels)
    if json_:
        print_json(asked.as_json())
    else:
        print_questions(asked, top=top)


@app.command()
def curve(  # noqa: PLR0917 - typer calls by name
    run: RunArgument,
    split: Annotated[str | None, typer.Option(help="One split; all by default.")] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="random, uncertainty or contribution; may be repeated, all by default."),
    ] = None,
    most: Annotated[int | None, typer.Option(min=1, help="Most answers an image gets.")] = None,
    levels: LevelsOption = LevelName.MATCHED,
    json_: JsonOption = False,
) -> None:
    """Accuracy against the number of concepts answered truly: `knobo intervene curve runs/my-run --most 20`.

    The answers are those of the reports and expert columns of the split's own images. They train nothing.
    """
    from models.what_if.interventions import POLICIES
    from pipelines.commands.what_if_tables import print_curves
    from pipelines.what_if.curve import draw_curves

    found = draw_curves(run, split=split, policies=policy or tuple(POLICIES), most=most, levels=levels)
    if json_:
        print_json(found.as_json())
    else:
        print_curves(found)
