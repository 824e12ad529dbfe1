"""`knobo audit`: the numbers of a run, of several side by side, or held against a policy."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.markup import escape

from pipelines.commands.shared import JsonOption, console, plain, print_json, print_rows

if TYPE_CHECKING:
    from models.evaluation.report import AuditReport, AuditRow, PairedTest
    from pipelines.history.compare import ComparedRow, Comparison

N = TypeVar("N", bound="AuditRow | PairedTest | ComparedRow")

BROKEN = 1  # exit status of an audit that does not hold to its policy; a user's mistake is 2


def audit(  # noqa: PLR0917 - typer calls by name
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run directories: one to look at, several to compare.", metavar="RUN..."),
    ],
    split: Annotated[str | None, typer.Option(help="One split instead of the mean.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="As in audit.json, e.g. balanced_accuracy or auroc.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="Policy (TOML) to hold the audit against; exit status 1 where it fails."),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(help="Run that counts as the previous audit; by default the history of this run."),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Print the audit of a finished run, compare several, or hold one against a policy."""
    from pipelines.errors import PipelineError

    if len(runs) > 1 and (policy or previous):
        raise PipelineError("a policy judges one run; name one")
    if previous and not policy:
        raise PipelineError("--previous is for --policy; to see two audits side by side, name both runs")
    if policy and (split or metric):
        raise PipelineError(
            "the rules of a policy name their splits and metrics; leave --split and --metric out"
        )
    if len(runs) > 1:
        show_comparison(runs, split=split, metric=metric, json_=json_)
    elif policy:
        hold_against(runs[0], policy, previous=previous, json_=json_)
    else:
        show_audit(runs[0], split=split, metric=metric, json_=json_)


def show_audit(run: Path, *, split: str | None, metric: str | None, json_: bool) -> None:
    """The table, or audit.json: the whole of it, or what is of one split and metric."""
    from models.evaluation.report import AuditReport
    from pipelines.report.summary import COLUMNS, grouped_table, headline
    from pipelines.status import require_audit_names

    found = AuditReport.load(run / "audit.json")
    require_audit_names(found, split=split, metric=metric)
    if json_:
        print(part_of(found, split=split, metric=metric).as_json().decode(), end="")
        return
    print_rows(COLUMNS, grouped_table(found, split=split, metric=metric), marked=frozenset())
    console.print(headline(found), markup=False, highlight=False)


def part_of(audit: "AuditReport", *, split: str | None, metric: str | None) -> "AuditReport":
    """What is of one split and one metric; checks, curves and thresholds are of no metric."""
    return replace(
        audit,
        rows=tuple(of_choice(audit.rows, split=split, metric=metric)),
        paired=tuple(of_choice(audit.paired, split=split, metric=metric)),
        checks=tuple(check for check in audit.checks if split in {None, check[0]}),
        reliability=tuple(each for each in audit.reliability if split in {None, each.split}),
        decisions=tuple(each for each in audit.decisions if split in {None, each.split}),
        thresholds=tuple(each for each in audit.thresholds if split in {None, each.split}),
    )


def of_choice(items: "Iterable[N]", *, split: str | None, metric: str | None) -> "Iterator[N]":
    """The numbers of one split and one metric, or of any where none is chosen."""
    return (each for each in items if split in {None, each.split} and metric in {None, each.metric})


def show_comparison(runs: list[Path], *, split: str | None, metric: str | None, json_: bool) -> None:
    """A row a method and domain, a column a run; then what is different between the runs."""
    from models.evaluation.report import AuditReport
    from pipelines.history.compare import compare_runs
    from pipelines.report.index import AuditIndex
    from pipelines.status import require_audit_names

    found, first = compare_runs(runs), AuditReport.load(runs[0] / "audit.json")
    require_audit_names(first, split=split, metric=metric)
    if json_:
        rows = tuple(of_choice(found.rows, split=split, metric=metric))
        print_json(plain(replace(found, rows=rows)))
        return
    index = AuditIndex.of(first)
    print_compared(found, split=split or index.scope, metric=metric or index.metric)


def print_compared(found: "Comparison", *, split: str, metric: str) -> None:
    """The numbers of one split and metric."""
    from pipelines.report.methods import describe
    from pipelines.report.summary import cell
    from pipelines.report.wording import DOMAINS

    rows = [
        (
            describe(each.method).label,
            DOMAINS[each.domain],
            *(
                cell(row) + (f" {move}" if move in {"worse", "better", "moved"} else "")
                for row, move in zip(each.rows, (None, *each.moves), strict=True)
            ),
        )
        for each in found.rows
        if (each.split, each.metric) == (split, metric)
    ]
    print_rows(("method", "domain", *found.names), rows, marked=frozenset())
    console.print(
        f"{metric} on {split}; worse and better: outside the 95 % interval of {found.names[0]}.",
        markup=False,
        highlight=False,
    )
    for name, differences in zip(found.names[1:], found.differences, strict=True):
        changed = ", ".join(differences) or "nothing"
        console.print(f"{name} differs in: {changed}.", markup=False, highlight=False, soft_wrap=True)


def hold_against(run: Path, policy: Path, *, previous: Path | None, json_: bool) -> None:
    """Every rule with what was found; ends the program with status 1 where one does not hold."""
    from models.evaluation.report import AuditReport
    from pipelines.policy import judge, load_policy
    from pipelines.policy.gate import failures

    rules, found = load_policy(policy), AuditReport.load(run / "audit.json")
    before, name = previous_rows(run, previous=previous)
    judgements = judge(rules, found, previous=before)
    failed = failures(judgements)
    if json_:
        print_json(
            {"passed": not failed, "previous": name, "judgements": [plain(each) for each in judgements]}
        )
    else:
        marks = {True: "[green]passes[/]", False: "[bold red]fails[/]"}
        rows = [(marks[each.passed], each.rule, each.found) for each in judgements]
        print_rows(("", "rule", "found"), rows, marked=frozenset({0}))
        console.print(f"Previous audit: {escape(name or 'none known')}.", highlight=False, soft_wrap=True)
        console.print(f"{len(judgements) - failed} of {len(judgements)} rules hold.", highlight=False)
    if failed:
        raise typer.Exit(BROKEN)


def previous_rows(run: Path, *, previous: Path | None) -> tuple["Sequence[AuditRow] | None", str | None]:
    """Numbers of the audit before, and a name for it."""
    from models.evaluation.report import AuditReport
    from pipelines.digests import content_digest
    from pipelines.history.store import previous_of
    from pipelines.status import open_finished

    if previous is not None:
        return AuditReport.load(previous / "audit.json").rows, str(previous)
    opened = open_finished(run)
    entry = previous_of(run, name=opened.config.name, audit=content_digest(run / "audit.json"))
    return (entry.rows, f"{entry.run} of {entry.finished}") if entry else (None, None)
