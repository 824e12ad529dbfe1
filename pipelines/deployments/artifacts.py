"""What a scheduled run leaves in Prefect: tables and a link; names and numbers, nothing of a patient."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from models.evaluation.report import AuditReport
from pipelines.artifact_keys import key_of
from pipelines.deployments.comparison import Comparison, fallen
from pipelines.report.summary import COLUMNS, headline, summary_table

REPORTS = "KNOBO_REPORTS_URL"


def link_to_report(directory: Path) -> str:
    """Where people find the report: below the address that serves the runs, else the file itself."""
    report = directory / "report.html"
    base = os.environ.get(REPORTS)
    return f"{base.rstrip('/')}/{directory.name}/report.html" if base else report.resolve().as_uri()


def publish_audit(comparison: Comparison) -> None:
    """Headline with its table, the report, and what is not as in the audit before."""
    directory, name = comparison.directory, comparison.later.run
    audit = AuditReport.load(directory / "audit.json")
    table = [dict(zip(COLUMNS, row, strict=True)) for row in summary_table(audit)]
    create_table_artifact(key=key_of(name, "audit"), table=table, description=headline(audit))
    create_link_artifact(key=key_of(name, "link"), link=link_to_report(directory), link_text="Report")
    create_markdown_artifact(key=key_of(name, "changes"), markdown=changes_text(comparison))


def changes_text(comparison: Comparison) -> str:
    """What a reader wants to know of an audit after the one before."""
    if not comparison.is_new:
        return "Nothing has changed since the audit before."
    if comparison.earlier is None:
        return "This is the first audit."
    worse = "".join(f"- {fallen(each)}\n" for each in comparison.worse) or "- none\n"
    changed = "".join(f"- {each}\n" for each in comparison.changed) or "- nothing\n"
    return (
        f"Compared with the audit of {comparison.earlier.finished}.\n\n"
        f"Fallen below the earlier interval:\n\n{worse}\nChanged:\n\n{changed}"
    )


def publish_bank(name: str, *, rows: Sequence[Mapping[str, str]], description: str) -> None:
    """What a refresh proposes to change in the bank, a row a concept."""
    create_table_artifact(
        key=key_of(name, "bank"), table=[dict(row) for row in rows], description=description
    )
