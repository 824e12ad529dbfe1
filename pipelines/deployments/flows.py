"""The flows behind the deployments: each calls what the command line calls, with what Prefect adds."""

from pathlib import Path

from prefect import flow, task

import models.torchvision_operators  # noqa: F401  # before timm and transformers
from pipelines.artifact_keys import key_of
from pipelines.concealing import names_concealed
from pipelines.config import load_config
from pipelines.deployments.artifacts import publish_audit, publish_bank
from pipelines.deployments.choice import require_choice
from pipelines.deployments.comparison import compare_with_told
from pipelines.deployments.limits import gpu
from pipelines.deployments.progress import stage_progress
from pipelines.deployments.telling import tell_audit, tell_refresh
from pipelines.flows import failed_on_the_network
from pipelines.launch import launch
from pipelines.policy.keeping import broken_rules
from pipelines.progress import LogReporter
from pipelines.refreshing import RefreshOutcome, refresh

HOUR = 3600.0
REFRESH, AUDIT, WITH_WAITING = 6 * HOUR, 24 * HOUR, 72 * HOUR
"""Longest that the work may take; and that a run may take with waiting for its turn."""


@flow(name="knowledge-refresh", persist_result=False, timeout_seconds=WITH_WAITING)
def knowledge_refresh(config: Path, runs: Path = Path("runs")) -> str:
    """Asks the literature for what is new and proposes what follows for the bank of concepts.

    The run in production stays as it is until a person accepts (`knobo concepts review`).

    Args:
        config: Configuration file (TOML) on the machine that works.
        runs: Folder that holds the runs there.
    """
    with gpu(at_most=REFRESH):
        outcome = refresh_bank(config, runs)
    publish_bank(outcome.run.name, rows=outcome.rows(), description=outcome.sentence)
    tell_refresh(outcome)
    return outcome.sentence


@task(
    name="refresh",
    persist_result=False,
    retries=2,
    retry_delay_seconds=[60, 300],
    retry_jitter_factor=0.5,
    retry_condition_fn=failed_on_the_network,
)
def refresh_bank(config: Path, runs: Path) -> RefreshOutcome:
    """Tried again, later each time, where the network failed."""
    with names_concealed():
        return refresh(config, runs, reporter=LogReporter())


@flow(name="audit", persist_result=False, timeout_seconds=WITH_WAITING)
def audit(config: Path, runs: Path = Path("runs"), policy: Path | None = None) -> bool:
    """Runs what is stale, and tells when KnoBo got worse on a domain; whether it did, or a rule is broken.

    Args:
        config: Configuration file (TOML) on the machine that works.
        runs: Folder that holds the runs there.
        policy: Policy (TOML) to hold the audit against as well; `docs/audit.md` describes it.
    """
    loaded = load_config(config)
    require_choice(loaded, config)
    with gpu(at_most=AUDIT), stage_progress(key_of(loaded.name, "progress")):
        directory = launch(config, runs, reporter=LogReporter())
        comparison = compare_with_told(directory)  # with the place: who waits for it writes anew
        broken = broken_rules(policy, directory, earlier=comparison.earlier) if policy else None
        publish_audit(comparison)
        tell_audit(comparison, broken)
    return bool(comparison.worse or broken)
