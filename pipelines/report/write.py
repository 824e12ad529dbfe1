"""Writes the report's two files, each whole or not at all."""

from pathlib import Path

from models.files import write_text
from pipelines.report.html import render_html
from pipelines.report.input import ReportInput
from pipelines.report.markdown import render_markdown
from pipelines.report.sign_view import sign_line


def write_report(report: ReportInput, directory: Path) -> tuple[Path, Path]:
    """Write `audit.md` and `report.html` into a directory; returns their paths."""
    markdown, html = directory / "audit.md", directory / "report.html"
    write_text(markdown, render_markdown(report.audit, signs=sign_line(report.prior), credits=report.credits))
    write_text(html, render_html(report))
    return markdown, html
