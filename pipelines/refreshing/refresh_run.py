"""New records become passages, vectors and proposed concepts, beside a run that stays as it is."""

from pathlib import Path

from pipelines.progress import Reporter, SilentReporter
from pipelines.refreshing.outcome import RefreshOutcome


def refresh(config: Path, runs: Path, *, reporter: Reporter | None = None) -> RefreshOutcome:
    """Brings the literature of a finished run up to date and proposes what follows for its bank.

    Args:
        config: TOML file of the run.
        runs: Folder that holds the runs.
        reporter: Where progress goes.

    Raises:
        PipelineError: The run is not built yet, or its configuration has changed since.
    """
    _ = config, runs, reporter or SilentReporter()
    raise NotImplementedError
