"""Stage `report`: audit.md and report.html."""

import models.torchvision_operators  # noqa: F401  # before timm
from pipelines.report.write import write_report
from pipelines.run import Run
from pipelines.stages.report_input import report_input


def report(run: Run) -> None:
    """audit.md and report.html."""
    write_report(report_input(run), run.directory)
