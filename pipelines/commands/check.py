"""`knobo check`: looks at the splits of a configuration before any number is computed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.shared import JsonOption, console, plain, print_json, print_rows

if TYPE_CHECKING:
    from models.splits.checks import CheckFinding

STYLES = {"error": "[bold red]error[/]", "warning": "[yellow]warning[/]", "passed": "passed"}


def check(
    config: Annotated[Path, typer.Argument(help="Configuration file.", metavar="CONFIG")],
    json_: JsonOption = False,
) -> None:
    """Check the splits of a configuration: overlap, copies, labels, sizes, mixtures; exit code 1 on an error.

    Near-duplicates need features; a run looks for them and writes all findings to checks.json.
    """
    from pipelines.checking import check_config
    from pipelines.config import load_config
    from pipelines.launch import reporter_for

    with reporter_for(quiet=json_) as reporter:
        findings = check_config(load_config(config), progress=reporter.work("check", "images"))
    if json_:
        print_json([plain(finding) for finding in findings])
    else:
        show(findings)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


def show(findings: "tuple[CheckFinding, ...]") -> None:
    """A table, and how many findings ask for attention."""
    rows = [(each.split, each.name, STYLES[each.severity], each.message) for each in findings]
    print_rows(("split", "check", "result", "what was found"), rows, marked=frozenset({2}))
    errors, warnings = (sum(each.severity == kind for each in findings) for kind in ("error", "warning"))
    console.print(f"{errors} errors, {warnings} warnings, {len(findings)} checks", highlight=False)
