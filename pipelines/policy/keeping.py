"""The rules of a policy that an audit does not keep, beside the audit before it."""

from pathlib import Path

from models.evaluation.report import AuditReport
from pipelines.history.entry import HistoryEntry
from pipelines.policy.gate import Judgement, judge
from pipelines.policy.rules import load_policy


def broken_rules(policy: Path, directory: Path, *, earlier: HistoryEntry | None) -> tuple[Judgement, ...]:
    """What does not hold.

    Raises:
        PipelineError: The policy cannot be read, or names what the audit does not have.
        ModelsError: The run has no audit.
    """
    audit = AuditReport.load(directory / "audit.json")
    judged = judge(load_policy(policy), audit, previous=earlier.rows if earlier else None)
    return tuple(each for each in judged if not each.passed)
