"""What is told as events after an audit or a refresh; automations wait for them."""

from collections.abc import Sequence
from dataclasses import astuple

from prefect.events import Event

from pipelines.deployments import events
from pipelines.deployments.comparison import Comparison, mark_told
from pipelines.deployments.withdrawn import ToldWithdrawn, Withdrawn, mark_withdrawn, told_withdrawn
from pipelines.policy import Judgement
from pipelines.refreshing import RefreshOutcome


def tell_audit(comparison: Comparison, broken: Sequence[Judgement] | None) -> None:
    """An audit is told once, each time it is another one than before; a broken rule once while it is so.

    Args:
        comparison: The audit.
        broken: Rules that do not hold; None where there was no policy, and they stay as told.
    """
    events.send(audit_events(comparison, broken or ()))
    mark_told(comparison, None if broken is None else [each.rule for each in broken])


def audit_events(comparison: Comparison, broken: Sequence[Judgement]) -> list[Event]:
    """That it ended, that a domain got worse, that rules do not hold; none where nothing has changed.

    A rule may be broken anew by an audit that was told: the policy is another one than then.
    """
    run, of = comparison.later.run, f"{comparison.number}/{comparison.later.audit}"
    told = {"run": run, "audit": comparison.later.audit, "changed": list(comparison.changed)}
    found = [events.event_of(events.AUDITED, run, of=of, payload=told)] if comparison.is_new else []
    if comparison.worse:
        payload = told | {
            "sentence": comparison.sentence,
            "domains": sorted({f"{each.later.split}/{each.later.domain}" for each in comparison.worse}),
        }
        found.append(events.event_of(events.WORSE, run, of=of, payload=payload))
    rules = sorted({each.rule for each in broken})
    if set(rules) - comparison.told.broken:
        payload = told | {"sentence": "; ".join(map(sentence_of, broken))}
        which = f"{of}/{comparison.told.count}/{rules}"
        found.append(events.event_of(events.BROKEN, run, of=which, payload=payload))
    return found


def sentence_of(rule: Judgement) -> str:
    """A rule, and what was found, for people elsewhere."""
    return f"{rule.rule}: {'it does not' if rule.names_images else rule.found}"


def tell_refresh(outcome: RefreshOutcome) -> None:
    """What a refresh found."""
    before = told_withdrawn(outcome.run)
    events.send(refresh_events(outcome, before))
    mark_withdrawn(outcome, before)


def refresh_events(outcome: RefreshOutcome, before: ToldWithdrawn) -> list[Event]:
    """That it ended; that concepts in force rest on withdrawn articles, where not all were told `before`."""
    run = outcome.run.name
    told = {"run": run, "sentence": outcome.sentence, "waiting": len(outcome.waiting)}
    found = [events.finished(events.REFRESHED, run, payload=told)]
    flagged = set(map(Withdrawn.of, outcome.flagged))
    if flagged - before.flags:
        payload = told | {"concepts": sorted({each.concept_id for each in flagged})}
        of = f"{before.count}/{[astuple(each) for each in sorted(flagged)]}"
        found.append(events.event_of(events.RETRACTED, run, of=of, payload=payload))
    return found
