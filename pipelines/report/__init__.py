"""What a reader opens: `report.html`, `audit.md`, and the table and headline shown on a terminal."""

from pipelines.report.html import render_html
from pipelines.report.input import (
    ConceptWeights,
    Contribution,
    Explanation,
    GrounderQuality,
    Provenance,
    ReportInput,
)
from pipelines.report.markdown import render_markdown
from pipelines.report.summary import COLUMNS, grouped_table, headline, summary_table
from pipelines.report.write import write_report

__all__ = [
    "COLUMNS",
    "ConceptWeights",
    "Contribution",
    "Explanation",
    "GrounderQuality",
    "Provenance",
    "ReportInput",
    "grouped_table",
    "headline",
    "render_html",
    "render_markdown",
    "summary_table",
    "write_report",
]
