"""Writes the report's two files, each whole or not at all."""

from pathlib import Path

from models.files import write_text
from pipelines.report.concept_audit_view import concept_audit_view
from pipelines.report.html import render_html
from pipelines.report.input import ReportInput
from pipelines.report.markdown import render_markdown
from pipelines.report.sign_view import sign_line


def write_report(report: ReportInput, directory: Path) -> tuple[Path, Path]:
    """Write `audit.md` and `report.html` into a directory; returns their paths."""
    markdown, html = directory / "audit.md", directory / "report.html"
    leaking = concept_audit_view(report)
    text = render_markdown(
        report.audit,
        signs=sign_line(report.prior),
        credits=report.credits,
        leaks=[
            (each.question, each.attribute, each.split, f"{each.auroc} ({each.interval})", each.signal)
            for each in (leaking.first if leaking else ())
            if each.leaking
        ],
    )
    write_text(markdown, text)
    write_text(html, render_html(report))
    return markdown, html
