"""What a run directory says of itself without running anything."""

import json
from pathlib import Path

from models.evaluation.report import AuditReport
from pipelines.config import load_config
from pipelines.errors import PipelineError
from pipelines.run import Run


def open_finished(directory: Path) -> Run:
    """The run in a directory, by the configuration that it keeps.

    Raises:
        PipelineError: The directory holds no run.
    """
    config = directory / "config.toml"
    if not config.is_file():
        raise PipelineError(
            f"{directory} is not a run (it has no config.toml); give a folder that `knobo run` made"
        )
    return Run(directory, load_config(config))


def spending(directory: Path) -> str | None:
    """What the language model of a run has cost so far, in one line; none where no endpoint was asked."""
    try:
        values = json.loads((directory / "language_model.json").read_text("utf-8"))
        return (
            f"Language model: {values['calls']} calls ({values['retries']} retries), "
            f"{values['tokens']} tokens, cost {values['cost']:.4f}; "
            f"{values.get('cached', 0)} replies from the log"
        )
    except (OSError, ValueError, TypeError, KeyError):  # none yet, or only begun
        return None


def require_audit_names(audit: AuditReport, *, split: str | None, metric: str | None) -> None:
    """Refuses a split or metric that the audit does not have."""
    for what, wanted, there in (
        ("split", split, {row.split for row in audit.rows}),
        ("metric", metric, {row.metric for row in audit.rows}),
    ):
        if wanted is not None and wanted not in there:
            raise PipelineError(f"the audit has no {what} {wanted!r}; it has {', '.join(sorted(there))}")
