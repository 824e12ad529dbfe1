"""The command line: one verb a thing that people do with a run."""

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.commands import concepts, data, features, index, intervene
from pipelines.commands.ablate import ablate
from pipelines.commands.api import api
from pipelines.commands.audit import audit, show_audit
from pipelines.commands.check import check
from pipelines.commands.deployments import deploy, serve
from pipelines.commands.edit import edit
from pipelines.commands.history import history
from pipelines.commands.path import path
from pipelines.commands.refresh import refresh
from pipelines.commands.released import released
from pipelines.concealing import for_the_terminal
from pipelines.errors import USER_ERRORS
from pipelines.storage_faults import storage_faults_told

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Medical literature in, an interpretable image classifier and its domain-shift audit out.",
)
app.add_typer(concepts.app, name="concepts")
app.add_typer(data.app, name="data")
app.add_typer(index.app, name="index")
app.add_typer(features.app, name="features")
app.add_typer(intervene.app, name="intervene")
app.command()(ablate)
app.command()(api)
app.command()(audit)
app.command()(check)
app.command()(deploy)
app.command()(edit)
app.command()(history)
app.command()(path)
app.command()(refresh)
app.command()(released)
app.command()(serve)
console = Console()

RunArgument = Annotated[Path, typer.Argument(help="Run directory, e.g. runs/my-run.", metavar="RUN")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
RunsOption = Annotated[Path, typer.Option(help="Folder that holds the runs.")]


@app.command()
def init(
    config: Annotated[Path, typer.Argument(help="Configuration file to write.", metavar="CONFIG")],
    preset: Annotated[str, typer.Option(help="Kind of images: xray or skin.")] = "xray",
) -> None:
    """Write a commented configuration for your own images."""
    from pipelines.presets import write_preset

    write_preset(preset, config)
    console.print(f"Wrote {config}. Name your images in it, then: knobo run {config}")


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="Configuration file.", metavar="CONFIG")],
    runs: RunsOption = Path("runs"),
    serial: Annotated[
        bool, typer.Option("--serial", help="One stage after the other, without Prefect.")
    ] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask PubMed for what is new, too.")] = False,
    json_: JsonOption = False,
) -> None:
    """Run every stage that is not fresh, then print the audit."""
    from pipelines.launch import launch

    finished = launch(config, runs, quiet=json_, serial=serial, refresh=refresh)
    show_audit(finished, split=None, metric=None, json_=json_)
    if not json_:
        console.print(f"Report: {finished / 'report.html'}", soft_wrap=True)


@app.command()
def demo(
    runs: RunsOption = Path("runs"),
    images: Annotated[int, typer.Option(min=100, help="Phantoms of each kind.")] = 1000,
) -> None:
    """Make phantom chest X-rays and skin lesions with planted shortcuts, and run both audits."""
    from pipelines.demo.configure import configure_demo
    from pipelines.launch import launch, reporter_for

    with reporter_for(quiet=False) as reporter:
        configs = configure_demo(runs / "demo-data", images=images, reporter=reporter)
    for config in configs:
        finished = launch(config, runs)
        console.print(f"\n[bold]{finished.name}[/]")
        show_audit(finished, split=None, metric=None, json_=False)
        console.print(f"Report: {finished / 'report.html'}", soft_wrap=True)


@app.command()
def status(run: RunArgument, json_: JsonOption = False) -> None:
    """Say which stages are fresh, stale or still to come."""
    from pipelines.stage_states import stage_states
    from pipelines.status import spending

    states = stage_states(run)
    if json_:
        print(json.dumps([{"stage": s.name, "state": s.state, "seconds": s.seconds} for s in states]))
        return
    rows = [(s.name, s.state, "" if s.seconds is None else f"{s.seconds:.1f}") for s in states]
    print_table(("stage", "state", "seconds"), rows)
    if paid := spending(run):
        console.print(paid, highlight=False, soft_wrap=True)


@app.command()
def explain(
    run: RunArgument,
    image: Annotated[str, typer.Argument(help="Image id, <data set>/<id>.", metavar="IMAGE")],
    split: Annotated[
        str | None,
        typer.Option(help="Split whose classifier is asked; by default one that reports the image."),
    ] = None,
    top: Annotated[int, typer.Option(help="Concepts to print.")] = 8,
    json_: JsonOption = False,
) -> None:
    """Print a prediction as a sum of concepts, each with its quote and passage."""
    from pipelines.explanation import explain_image

    found = explain_image(run, image, split=split)
    if json_:
        print(json.dumps(found.as_json(), indent=1))
        return
    console.print(
        f"{found.image} in {found.split}: [bold]{found.predicted}[/] with probability {found.probability:.2f}"
    )
    console.print(found.sentence, markup=False, highlight=False)
    for item in found.contributions[:top]:
        part, quotation = item.contribution, item.quotation
        console.print(
            f"\n[bold]{part.amount:+.3f}[/] = ({part.score:.3f} - {part.usual:.3f}) x {part.weight:+.3f}  "
            f"{quotation.question}",
            highlight=False,
        )
        console.print(f'  "{quotation.quote}"\n  [dim]{quotation.place}[/]', highlight=False)


def print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A table that wraps to the terminal."""
    table = Table(*header, header_style="bold", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def log_to_stderr() -> None:
    """One plain line a message; Prefect's own handlers would print each a second time."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("knobo")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def main() -> None:
    """Entry point: a user's mistake is one sentence and exit code 2, a bug keeps its traceback."""
    log_to_stderr()
    try:
        with storage_faults_told():
            app()
    except USER_ERRORS as error:
        print(f"knobo: {for_the_terminal(error)}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
