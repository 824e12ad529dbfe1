"""What is told as events after an audit or a refresh; automations wait for them."""

from collections.abc import Sequence
from dataclasses import astuple

from prefect.events import Event

from pipelines.deployments import events
from pipelines.deployments.comparison import Comparison
from pipelines.deployments.withdrawn import Withdrawn, mark_withdrawn, told_withdrawn
from pipelines.policy import Judgement
from pipelines.refreshing import RefreshOutcome


def tell_audit(comparison: Comparison, broken: Sequence[Judgement]) -> None:
    """An audit is told once, each time it is another one than before."""
    events.send(audit_events(comparison, broken))


def audit_events(comparison: Comparison, broken: Sequence[Judgement]) -> list[Event]:
    """That it ended, that a domain got worse, that rules do not hold; none where nothing has changed."""
    if not comparison.is_new:
        return []
    run, of = comparison.later.run, f"{comparison.number}/{comparison.later.audit}"
    told = {"run": run, "audit": comparison.later.audit, "changed": list(comparison.changed)}
    found = [events.event_of(events.AUDITED, run, of=of, payload=told)]
    if comparison.worse:
        payload = told | {
            "sentence": comparison.sentence,
            "domains": sorted({f"{each.later.split}/{each.later.domain}" for each in comparison.worse}),
        }
        found.append(events.event_of(events.WORSE, run, of=of, payload=payload))
    if broken:
        sentence = "; ".join(f"{each.rule}: {each.found}" for each in broken)
        found.append(events.event_of(events.BROKEN, run, of=of, payload=told | {"sentence": sentence}))
    return found


def tell_refresh(outcome: RefreshOutcome) -> None:
    """What a refresh found."""
    events.send(refresh_events(outcome, told_withdrawn(outcome.run)))
    mark_withdrawn(outcome)


def refresh_events(outcome: RefreshOutcome, before: frozenset[Withdrawn]) -> list[Event]:
    """That it ended; that concepts in force rest on withdrawn articles, where not all were told `before`."""
    run = outcome.run.name
    told = {"run": run, "sentence": outcome.sentence, "waiting": len(outcome.waiting)}
    found = [events.finished(events.REFRESHED, run, payload=told)]
    flagged = set(map(Withdrawn.of, outcome.flagged))
    if flagged - before:
        payload = told | {"concepts": sorted({each.concept_id for each in flagged})}
        of = str([astuple(each) for each in sorted(flagged)])
        found.append(events.event_of(events.RETRACTED, run, of=of, payload=payload))
    return found
