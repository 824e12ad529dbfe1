"""`knobo data`: public data sets, what a local copy holds, and making one ready for a run."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.shared import JsonOption, console, plain, print_json, print_rows

if TYPE_CHECKING:
    from models.datasets.library import Facts
    from models.datasets.library.holding import ColumnCounts, Holding
    from pipelines.library.prepare import Prepared

app = typer.Typer(
    no_args_is_help=True, help="List public data sets, check a local copy, make it ready for a run."
)

NameArgument = Annotated[str, typer.Argument(help="Data set, as `list` names it.", metavar="NAME")]
FolderArgument = Annotated[
    Path, typer.Argument(help="Local copy in the owner's layout; nothing is downloaded.", metavar="FOLDER")
]


@app.command("list")
def list_(
    name: Annotated[
        str | None, typer.Argument(help="One data set, with all that is known of it.", metavar="NAME")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Print the data sets that can be read, or the facts of one."""
    from models.datasets.library import all_data_sets, data_set_named

    if name is not None:
        facts = data_set_named(name).facts
        if json_:
            print_json(plain(facts))
        else:
            print_facts(facts)
        return
    found = [each.facts for each in all_data_sets()]
    if json_:
        print_json([plain(each) for each in found])
        return
    rows = [(each.name, each.modality, number(each.images), each.access) for each in found]
    print_rows(("name", "images of", "number", "access"), rows, marked=frozenset())


@app.command()
def check(name: NameArgument, folder: FolderArgument, json_: JsonOption = False) -> None:
    """Read a local copy and print what it holds against what its owner published."""
    from models.datasets.library import data_set_named
    from models.datasets.library.holding import holding_of
    from pipelines.errors import PipelineError

    data_set = data_set_named(name)
    held = holding_of(data_set.facts, data_set.read(folder))
    if json_:
        print_json(plain(held))
    else:
        print_holding(held)
    if not held.at_hand:
        raise PipelineError(f"no image of {name} is at hand in {folder}; check the folder")


@app.command()
def prepare(
    name: NameArgument,
    folder: FolderArgument,
    out: Annotated[Path, typer.Argument(help="Folder to write into.", metavar="OUT")],
    *,
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", help="Class or finding to tell apart; may be repeated; all by default."),
    ] = None,
    attribute: Annotated[str, typer.Option(help="Attribute that goes with the class in training.")] = "",
    value: Annotated[
        list[str] | None,
        typer.Option(help="Its value with each class, in their order; reversed when shifted."),
    ] = None,
    strength: Annotated[
        float, typer.Option(min=0.5, max=1, help="Share of each class that goes with its value in training.")
    ] = 1.0,
    recipe: Annotated[
        str, typer.Option(help="Confounded split of the KnoBo paper, e.g. NIH-sex, with its classes.")
    ] = "",
    unmentioned: Annotated[
        bool,
        typer.Option(
            "--allow-unmentioned", help="Label an image although its report is silent on the others."
        ),
    ] = False,
    table: Annotated[str, typer.Option(help="parquet or csv.")] = "parquet",
    reports: Annotated[
        Path | None, typer.Option(help="Folder of a set prepared before whose reports ground the concepts.")
    ] = None,
    beside: Annotated[
        Path | None, typer.Option(help="Folder of a set prepared before whose images join the split.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Write a manifest and a configuration that `knobo run` reads; the copy is left as it is."""
    from models.datasets.library import data_set_named
    from pipelines.launch import reporter_for
    from pipelines.library.choice import Choice
    from pipelines.library.prepare import prepare as make_ready

    choice = Choice(
        classes=tuple(class_ or ()),
        attribute=attribute,
        values=tuple(value or ()),
        unmentioned=unmentioned,
        strength=strength,
        recipe=recipe,
        table=table,
        reports=reports,
        beside=beside,
    )
    with reporter_for(quiet=json_) as reporter:
        made = make_ready(data_set_named(name), folder, out, choice=choice, reporter=reporter)
    if json_:
        print_json(plain(made))
    else:
        print_prepared(made, recipe)


def print_prepared(made: "Prepared", recipe: str) -> None:
    """What was written, what is lacking, and what comes next."""
    from pipelines.library.paper_split import told

    missing = f", {made.missing:,} not at hand" if made.missing else ""
    console.print(f"{made.images:,} images, {made.labelled:,} with a label{missing}.", highlight=False)
    if made.cells:
        console.print(f"Images of {recipe} by class and value: {told(made.cells)}.", highlight=False)
    console.print(f"Wrote {made.manifest} and {made.configuration}.", highlight=False, soft_wrap=True)
    for lack in made.lacks:
        console.print(lack, highlight=False, soft_wrap=True)
    then = "Then, with these in place: knobo run" if made.lacks else "Then: knobo run"
    last = f"{then} {made.configuration}" if made.complete else "A section to learn concepts from."
    console.print(last, highlight=False, soft_wrap=True)


def print_facts(facts: "Facts") -> None:
    """All that is known of a set, one line a fact."""
    rows = [
        ("title", facts.title),
        ("images of", facts.modality),
        ("images", number(facts.images)),
        ("patients", number(facts.patients)),
        ("classes", counts((each.name, each.images) for each in facts.classes)),
        ("findings", counts((each.name, each.images) for each in facts.findings)),
        ("attributes", ", ".join(facts.attributes)),
        ("licence", facts.licence),
        ("access", facts.access),
        ("terms", facts.terms),
        ("layout", facts.layout),
        ("reports", report_note(facts)),
        ("cite", facts.citation),
        ("page", facts.url),
        ("notes", facts.notes),
    ]
    print_rows(("", facts.name), [row for row in rows if row[1]], marked=frozenset())


def report_note(facts: "Facts") -> str:
    """Whether there are reports, and where they may go."""
    if not facts.has_reports:
        return ""
    told = "may" if facts.external_llm_allowed else "may not"
    return f"yes; they {told} be sent to a language model on another machine"


def print_holding(held: "Holding") -> None:
    """Counts against what was published, then every column."""
    published = "" if held.published is None else f"; its owner published {held.published:,}"
    console.print(
        f"{held.name}: {held.at_hand:,} of {held.listed:,} listed images are at hand{published}",
        highlight=False,
        soft_wrap=True,
    )
    unknown = f", unknown for {held.without_patient:,} images" if held.without_patient else ""
    console.print(f"{held.patients:,} patients, cases or studies{unknown}", highlight=False)
    if held.repeated_ids:
        console.print(f"[yellow]{held.repeated_ids:,} image ids are given more than once[/]", highlight=False)
    columns = [*([held.label] if held.label else []), *held.attributes, *held.findings]
    rows = [(each.name, values(each), f"{each.unknown:,}") for each in columns]
    print_rows(("column", "images by value", "unknown"), rows, marked=frozenset())


def values(column: "ColumnCounts") -> str:
    """Values with their counts, or how many there are."""
    if not column.values:
        return f"{column.distinct:,} different values" if column.distinct else ""
    return counts((each.value, each.images) for each in column.values)


def counts(pairs: Iterable[tuple[str, int | None]]) -> str:
    """Names with numbers where these are known."""
    return ", ".join(name if count is None else f"{name} {count:,}" for name, count in pairs)


def number(count: int | None) -> str:
    """A count, empty where it was not verified."""
    return "" if count is None else f"{count:,}"
