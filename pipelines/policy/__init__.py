"""What an audit must hold to, and whether it does: the gate of scheduled and released runs."""

from pipelines.policy.gate import Judgement, judge
from pipelines.policy.rules import CheckRule, NumberRule, Policy, load_policy

__all__ = ["CheckRule", "Judgement", "NumberRule", "Policy", "judge", "load_policy"]
