"""Writes the report's two files so that a reader never meets half of one."""

import os
from pathlib import Path

from pipelines.report.html import render_html
from pipelines.report.input import ReportInput
from pipelines.report.markdown import render_markdown


def write_report(report: ReportInput, directory: Path) -> tuple[Path, Path]:
    """Write `audit.md` and `report.html` into a directory that exists; returns their paths."""
    markdown, html = directory / "audit.md", directory / "report.html"
    replace(markdown, render_markdown(report.audit))
    replace(html, render_html(report))
    return markdown, html


def replace(path: Path, text: str) -> None:
    """Write to a temporary name in the same directory, flush, rename."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
