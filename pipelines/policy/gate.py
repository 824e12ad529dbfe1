"""Holds an audit against a policy, rule by rule; what was not measured does not pass."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from models.evaluation.report import AuditReport, AuditRow
from pipelines.errors import PipelineError
from pipelines.history.changes import Move, is_known, move_of, row_key
from pipelines.history.direction import has_direction
from pipelines.history.entry import OF_GROUPS
from pipelines.policy.rules import CheckRule, NumberRule, Policy

MEAN, EACH, ODDS = "mean", "*", "equalised_odds_difference"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of one rule on one number or check.

    Attributes:
        rule: What was asked, as a reader would say it.
        passed: Whether it holds.
        found: What was found.
        names_images: Whether `found` does; some owners build patient numbers into the names of images, so it
            stays on this machine.
    """

    rule: str
    passed: bool
    found: str
    names_images: bool = False


def judge(
    policy: Policy, audit: AuditReport, *, previous: Sequence[AuditRow] | None
) -> tuple[Judgement, ...]:
    """Every rule of a policy.

    Args:
        policy: The rules.
        audit: The audit to be judged.
        previous: Numbers of the audit before; None where there is none, so that nothing can be worse.

    Raises:
        PipelineError: A rule names a method, split, domain, metric or check that the audit does not have.
    """
    return (
        *(found for rule in policy.number for found in judge_number(rule, audit, previous=previous)),
        *(found for rule in policy.check for found in judge_check(rule, audit)),
    )


def judge_number(
    rule: NumberRule, audit: AuditReport, *, previous: Sequence[AuditRow] | None
) -> Iterator[Judgement]:
    """One rule, on each split that it is about."""
    require_names(rule, audit)
    before = {row_key(row): row for row in previous or ()}
    for split in splits_of(rule.split, audit):
        rows = [row for row in audit.rows if is_meant(rule, row, split)]
        where = ", ".join(filter(None, (split, rule.domain, rule.group)))
        place = f"{rule.metric} of {rule.method} on {where}"
        if not rows:
            yield Judgement(f"{place} is known", passed=False, found="it was not measured")
        for row in rows:
            yield from judge_limits(rule, row, place=place)
            if rule.not_worse_than_previous and previous is not None:
                yield judge_move(row, before.get(row_key(row)), place=place)
            elif rule.not_worse_than_previous:
                yield Judgement(f"{place} is not worse than before", passed=True, found="the first audit")


def judge_limits(rule: NumberRule, row: AuditRow, *, place: str) -> Iterator[Judgement]:
    """The limits themselves."""
    found = f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})" + (f" for {row.group}" if row.group else "")
    what = f"the interval of {place}" if rule.interval else place
    if rule.at_least is not None:
        lowest = row.low if rule.interval else row.value
        yield Judgement(f"{what} is at least {rule.at_least:g}", passed=lowest >= rule.at_least, found=found)
    if rule.at_most is not None:
        highest = row.high if rule.interval else row.value
        yield Judgement(f"{what} is at most {rule.at_most:g}", passed=highest <= rule.at_most, found=found)


def judge_move(row: AuditRow, earlier: AuditRow | None, *, place: str) -> Judgement:
    """Against the interval of the audit before."""
    rule = f"{place} is not worse than the previous interval"
    if earlier is None:
        return Judgement(rule, passed=False, found=f"{row.value:.3f}; the previous audit does not have it")
    found = f"{row.value:.3f}, previously {earlier.value:.3f} ({earlier.low:.3f} to {earlier.high:.3f})"
    kept = is_known(earlier, row) and move_of(earlier, row) is not Move.WORSE
    return Judgement(rule, passed=kept, found=found)


def judge_check(rule: CheckRule, audit: AuditReport) -> Iterator[Judgement]:
    """A check on each split that the rule is about."""
    names = sorted({name for _, name, _, _ in audit.checks})
    if rule.name not in names:
        raise PipelineError(
            f"the policy names the check {rule.name!r}; the audit has {', '.join(names) or 'none'}"
        )
    splits = sorted({split for split, _, _, _ in audit.checks})
    if rule.split not in {EACH, *splits}:
        raise PipelineError(f"the policy names the split {rule.split!r}; the audit has {', '.join(splits)}")
    for split, name, passed, message in audit.checks:
        if name == rule.name and rule.split in {EACH, split}:
            yield Judgement(f"{split} passes {name}", passed=passed, found=message, names_images=True)


def require_names(rule: NumberRule, audit: AuditReport) -> None:
    """Refuse what no row has, and what cannot be held: such a rule must not pass for a strict one."""
    if rule.not_worse_than_previous and not has_direction(rule.metric, rule.domain):
        raise PipelineError(
            f"the policy wants {rule.metric} ({rule.domain}) not worse than before, and no way is the better "
            "one; give `at_least` or `at_most`"
        )
    if rule.not_worse_than_previous and rule.group and rule.metric not in OF_GROUPS:
        raise PipelineError(
            f"the history keeps {', '.join(sorted(OF_GROUPS))} of groups, not {rule.metric}; give `at_least` "
            "or `at_most` for it"
        )
    if rule.metric == ODDS and not rule.group:
        groups = sorted({row.group for row in audit.rows if row.metric == ODDS})
        raise PipelineError(
            f"the policy names {ODDS} without an attribute; name one as `group`, of "
            f"{', '.join(groups) or 'none'}"
        )
    for what, wanted, there in (
        ("method", rule.method, {row.method for row in audit.rows}),
        ("split", rule.split, {row.split for row in audit.rows} | {MEAN, EACH}),
        ("domain", rule.domain, {row.domain for row in audit.rows}),
        ("metric", rule.metric, {row.metric for row in audit.rows}),
        ("group", rule.group, {row.group for row in audit.rows} | {""}),
    ):
        if wanted not in there:
            listed = ", ".join(sorted(there - {""}))
            raise PipelineError(f"the policy names the {what} {wanted!r}; the audit has {listed or 'none'}")


def splits_of(wanted: str, audit: AuditReport) -> tuple[str, ...]:
    """Splits by name; the only one where there is no mean."""
    names = tuple(dict.fromkeys(row.split for row in audit.rows))
    single = tuple(name for name in names if name != MEAN)
    if wanted == EACH:
        return single
    return single if wanted == MEAN and MEAN not in names else (wanted,)


def is_meant(rule: NumberRule, row: AuditRow, split: str) -> bool:
    """Whether a row is what a rule speaks of; the worst group is any group."""
    group = row.group == rule.group or (not rule.group and row.metric.startswith("worst_group"))
    own = (row.method, row.domain, row.metric) == (rule.method, rule.domain, rule.metric)
    return own and group and row.split == split


def failures(judgements: Iterable[Judgement]) -> int:
    """How many rules do not hold."""
    return sum(not each.passed for each in judgements)
