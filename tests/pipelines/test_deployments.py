import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import yaml
from packaging.version import Version
from prefect.events import RelatedResource
from prefect.server.events.schemas.automations import Automation, EventTrigger, Posture
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.server.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings
from test_history import finished, row
from typer.testing import CliRunner

import pipelines.deployments.environment  # noqa: F401  # before Prefect
from models.evaluation.report import AuditRow
from pipelines.artifact_keys import key_of
from pipelines.cli import app
from pipelines.config import load_config
from pipelines.deployments import events
from pipelines.deployments.alerts import shipped, with_receiver
from pipelines.deployments.artifacts import changes_text, link_to_report
from pipelines.deployments.comparison import Comparison, compare_with_told, mark_told
from pipelines.deployments.flows import audit
from pipelines.deployments.plans import AUDIT, ON_DEMAND, REFRESH, plans_at
from pipelines.deployments.register import Scope, deployment_of
from pipelines.deployments.telling import audit_events, refresh_events, sentence_of
from pipelines.deployments.withdrawn import ToldWithdrawn, mark_withdrawn, told_withdrawn
from pipelines.errors import PipelineError
from pipelines.history.store import record_audit
from pipelines.policy import Judgement
from pipelines.policy.keeping import broken_rules
from pipelines.refreshing import Flag, PassageChange, RefreshOutcome

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
RECEIVER = UUID(int=7)


def audited(tmp_path: Path, *rows: AuditRow) -> Comparison:
    """What the scheduled audit sees after a run with these numbers."""
    run = finished(tmp_path / "runs" / "small", *rows)
    record_audit(run)
    return compare_with_told(run.directory)


def names(found: list[events.Event]) -> list[str]:
    return [each.event for each in found]


def test_the_first_audit_is_told_and_raises_no_alert(tmp_path: Path) -> None:
    first = audited(tmp_path, row(0.7))
    assert (first.earlier, first.worse, first.is_new) == (None, (), True)
    assert names(audit_events(first, ())) == [events.AUDITED]
    assert changes_text(first) == "This is the first audit."


def test_an_unchanged_audit_is_told_no_second_time(tmp_path: Path) -> None:
    mark_told(audited(tmp_path, row(0.7)))
    again = audited(tmp_path, row(0.7))
    assert not again.is_new
    assert audit_events(again, ()) == []
    assert changes_text(again) == "Nothing has changed since the audit before."


def test_a_domain_below_its_earlier_interval_is_told_once(tmp_path: Path) -> None:
    mark_told(audited(tmp_path, row(0.7), row(0.8, domain="in_domain")))
    worse = audited(tmp_path, row(0.6), row(0.8, domain="in_domain"))
    assert worse.sentence == "accuracy on plain, shifted: 0.600, before 0.700 (0.650 to 0.750)"
    told, alert = audit_events(worse, ())
    assert (told.event, alert.event) == (events.AUDITED, events.WORSE)
    assert alert.payload["domains"] == ["plain/shifted"]
    assert alert.payload["sentence"] == worse.sentence
    assert worse.sentence in changes_text(worse)
    mark_told(worse)
    assert audit_events(audited(tmp_path, row(0.6), row(0.8, domain="in_domain")), ()) == []


def test_a_run_that_is_killed_before_its_end_tells_the_same_events_again(tmp_path: Path) -> None:
    mark_told(audited(tmp_path, row(0.7)))
    before = audit_events(audited(tmp_path, row(0.6)), ())
    after = audit_events(audited(tmp_path, row(0.6)), ())
    assert [each.id for each in before] == [each.id for each in after]
    assert len({each.id for each in before}) == 2


def test_an_audit_by_hand_between_two_planned_ones_hides_no_fall(tmp_path: Path) -> None:
    mark_told(audited(tmp_path, row(0.7)))
    audited(tmp_path, row(0.66))
    last = audited(tmp_path, row(0.62))
    assert last.earlier is not None
    assert last.earlier.rows[0].value == 0.7
    assert names(audit_events(last, ())) == [events.AUDITED, events.WORSE]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (row(0.7), row(0.66)),  # within the interval
        (row(0.7), row(0.9)),
        (row(0.7, method="linear_probe"), row(0.1, method="linear_probe")),
        (row(0.7, metric="auroc"), row(0.1, metric="auroc")),
        (row(0.7, group="sex=F"), row(0.1, group="sex=F")),
        (row(0.1, domain="gap"), row(0.5, domain="gap")),
        (row(0.7, domain="in_domain"), row(0.1)),  # another number
    ],
)
def test_what_is_no_fall_of_a_domain_raises_no_alert(
    tmp_path: Path, earlier: AuditRow, later: AuditRow
) -> None:
    mark_told(audited(tmp_path, earlier))
    assert names(audit_events(audited(tmp_path, later), ())) == [events.AUDITED]


def test_a_group_that_is_served_worst_counts_whichever_it_is(tmp_path: Path) -> None:
    worst = row(0.7, metric="worst_group_accuracy", group="sex=F")
    mark_told(audited(tmp_path, worst))
    (fallen,) = audited(tmp_path, replace(worst, value=0.5, group="sex=M")).worse
    assert fallen.later.group == "sex=M"


def test_a_broken_rule_is_told_as_well(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[[number]]\nat_least = 0.65\n[[number]]\nnot_worse_than_previous = true\n")
    mark_told(audited(tmp_path, row(0.7)))
    worse = audited(tmp_path, row(0.6))
    broken = broken_rules(policy, worse.directory, earlier=worse.earlier)
    assert len(broken) == 2
    last = audit_events(worse, broken)[-1]
    assert last.event == events.BROKEN
    assert "accuracy of knobo on plain, shifted is at least 0.65: 0.600" in str(last.payload["sentence"])


def test_a_rule_that_comes_after_the_audit_is_told_as_broken_once_while_it_is(tmp_path: Path) -> None:
    mark_told(audited(tmp_path, row(0.6)))
    policy = tmp_path / "policy.toml"
    policy.write_text("[[number]]\nat_least = 0.65\n")

    def told(value: float = 0.6) -> tuple[Comparison, Sequence[Judgement], list[events.Event]]:
        same = audited(tmp_path, row(value))
        broken = broken_rules(policy, same.directory, earlier=same.earlier)
        return same, broken, audit_events(same, broken)

    same, broken, first = told()
    assert names(first) == [events.BROKEN]
    assert [each.id for each in told()[2]] == [each.id for each in first]  # killed before it was noted
    mark_told(same, [each.rule for each in broken])
    assert told()[2] == []
    mark_told(told()[0], None)  # on demand, without a policy
    assert told()[2] == []
    assert names(told(0.61)[2]) == [events.AUDITED]  # broken still, whatever the number
    mark_told(told()[0])  # a week in which the rule held
    again = told()[2]
    assert names(again) == [events.BROKEN]
    assert again[0].id != first[0].id


def test_what_is_told_of_a_broken_check_names_no_image() -> None:
    found = "1 image of 9 is in two parts (patient00042.jpg)"
    rule = Judgement("plain passes overlap", passed=False, found=found, names_images=True)
    assert sentence_of(rule) == "plain passes overlap: it does not"


def test_a_refresh_tells_of_withdrawn_articles_once_for_the_same_ones(tmp_path: Path) -> None:
    flag = Flag("c1", "Is it?", "It is.", "p1", "PMID 1", "retracted", alone=True, used=True)
    quiet = RefreshOutcome(finished(tmp_path / "runs" / "small", row(0.7)).directory, PassageChange())
    assert names(refresh_events(quiet, ToldWithdrawn())) == [events.REFRESHED]
    flagged = replace(quiet, flagged=(flag,))
    first, second = (refresh_events(flagged, told_withdrawn(quiet.run)) for _ in range(2))
    assert names(first) == [events.REFRESHED, events.RETRACTED]
    assert first[1].id == second[1].id  # killed before it was noted
    assert first[1].payload["concepts"] == ["c1"]
    mark_withdrawn(flagged, told_withdrawn(quiet.run))
    assert names(refresh_events(flagged, told_withdrawn(quiet.run))) == [events.REFRESHED]
    other = replace(flagged, flagged=(flag, replace(flag, concept_id="c2")))
    assert names(refresh_events(other, told_withdrawn(quiet.run))) == [events.REFRESHED, events.RETRACTED]
    mark_withdrawn(quiet, told_withdrawn(quiet.run))  # it stands again
    third = refresh_events(flagged, told_withdrawn(quiet.run))
    assert names(third) == [events.REFRESHED, events.RETRACTED]
    assert third[1].id != first[1].id  # or a server that knows the first would not hear of it


def test_a_run_without_history_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="holds no audit"):
        compare_with_told(finished(tmp_path / "runs" / "small", row(0.7)).directory)


def test_a_damaged_note_of_what_was_told_is_named(tmp_path: Path) -> None:
    mark_told(audited(tmp_path, row(0.7)))
    (tmp_path / "runs" / ".history" / "small" / "told.json").write_text("{")
    with pytest.raises(PipelineError, match=r"told\.json is damaged"):
        audited(tmp_path, row(0.7))


def test_keys_and_links_of_artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert key_of("My_Run.2", "audit") == "my-run-2-audit"
    monkeypatch.delenv("KNOBO_REPORTS_URL", raising=False)
    assert link_to_report(tmp_path / "a") == (tmp_path / "a" / "report.html").as_uri()
    monkeypatch.setenv("KNOBO_REPORTS_URL", "https://reports.example/")
    assert link_to_report(tmp_path / "a") == "https://reports.example/a/report.html"


def deployments() -> dict[str, dict[str, object]]:
    """By name, as `deploy/prefect.yaml` has them."""
    held = yaml.safe_load((DEPLOY / "prefect.yaml").read_text("utf-8"))["deployments"]
    return {each["name"]: each for each in held}


def test_prefect_yaml_says_what_knobo_deploy_registers() -> None:
    plans = plans_at(refresh=None, audit=None, zone="UTC")
    held = deployments()
    assert list(held) == [plan.name for plan in plans]
    for plan in plans:
        item = held[plan.name]
        assert item["entrypoint"] == f"pipelines.deployments.flows.{plan.flow}"
        assert item["description"] == plan.description
        schedules = [(each["cron"], each["timezone"]) for each in item.get("schedules", [])]  # type: ignore[attr-defined]
        assert schedules == ([(plan.cron, "UTC")] if plan.cron else [])
        limit = {"limit": plan.at_once, "collision_strategy": "ENQUEUE"} if plan.at_once else None
        assert item.get("concurrency_limit") == limit


def test_entry_points_are_flows_whose_parameters_are_described() -> None:
    for item in deployments().values():
        module, _, name = str(item["entrypoint"]).rpartition(".")
        flow = getattr(import_module(module), name)
        described = flow.parameters.properties
        assert set(described) == set(signature(flow.fn).parameters)
        assert all(each["description"].endswith(("there.", "works.", "it.")) for each in described.values())
        assert set(item["parameters"]) <= set(described)  # type: ignore[call-overload]
        assert flow.timeout_seconds
        assert flow.persist_result is False


@pytest.mark.parametrize("begin", ["2027-03-21", "2027-10-24", "2027-06-01"])
def test_no_appointment_is_left_out_or_kept_twice_when_the_clocks_change(begin: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime.fromisoformat(begin).replace(tzinfo=zone)
    refresh, audit, _ = plans_at(refresh=None, audit=None, zone=str(zone))
    days = [start.date() + timedelta(days=day) for day in range(14)]
    for plan, hour, kept in ((refresh, 4, days), (audit, 6, [day for day in days if day.weekday() == 0])):
        schedule = CronSchedule(cron=plan.cron or "", timezone=str(zone))
        last = datetime(days[-1].year, days[-1].month, days[-1].day, 23, tzinfo=zone)
        due = asyncio.run(schedule.get_dates(n=100, start=start, end=last))
        expected = [datetime(day.year, day.month, day.day, hour, tzinfo=zone) for day in kept]
        assert [each.astimezone(UTC) for each in due] == [each.astimezone(UTC) for each in expected]


@pytest.mark.parametrize(
    ("refresh", "zone", "message"),
    [
        ("0 4 * *", "UTC", "is no time of a schedule"),
        ("at four", "UTC", "is no time of a schedule"),
        ("0 4 * * *", "Europe/Bern", "there is no time zone 'Europe/Bern'"),
    ],
)
def test_a_time_that_is_none_is_refused(refresh: str, zone: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        plans_at(refresh=refresh, audit=None, zone=zone)


def test_other_times_are_taken_where_they_are_given() -> None:
    plans = plans_at(refresh="30 1 * * *", audit="0 7 1 * *", zone="UTC")
    assert [plan.cron for plan in plans] == ["30 1 * * *", "0 7 1 * *", None]
    assert [plan.name for plan in plans] == [REFRESH.name, AUDIT.name, ON_DEMAND.name]


def state_event(name: str, flow: str) -> events.Event:
    """As Prefect sends it when a flow run changes its state."""
    return events.Event(
        event=f"prefect.flow-run.{name}",
        resource=events.Resource({"prefect.resource.id": "prefect.flow-run.1"}),
        related=[
            RelatedResource(
                {
                    "prefect.resource.id": "prefect.flow.2",
                    "prefect.resource.role": "flow",
                    "prefect.resource.name": flow,
                }
            )
        ],
    )


def covering(found: list[events.Event]) -> Iterator[str]:
    """Names of shipped automations that Prefect's own server holds for meant by an event."""
    for values in shipped():
        automation = Automation.model_validate(with_receiver(values, RECEIVER))
        assert isinstance(automation.trigger, EventTrigger)
        if automation.trigger.posture == Posture.Proactive:
            continue  # it acts when nothing comes
        for event in found:
            if automation.trigger.covers(received(event)):
                yield automation.name


def received(event: events.Event) -> ReceivedEvent:
    return ReceivedEvent.model_validate(event.model_dump(mode="json"))


def test_each_alert_has_one_automation(tmp_path: Path) -> None:
    mark_told(audited(tmp_path, row(0.7)))
    worse = audited(tmp_path, row(0.6))
    told, fallen, broken = audit_events(worse, (Judgement("a rule", passed=False, found="0.6"),))
    assert list(covering([told])) == []
    assert list(covering([fallen])) == ["knobo: a domain got worse"]
    assert list(covering([broken])) == ["knobo: an audit breaks its policy"]
    failed = [state_event(name, "audit") for name in ("Failed", "Crashed", "TimedOut")]
    assert list(covering(failed)) == ["knobo: a scheduled run failed"] * 3
    assert list(covering([state_event("Failed", "other"), state_event("Completed", "audit")])) == []


def test_automations_lie_in_deploy_as_prefect_reads_them() -> None:
    files = sorted((DEPLOY / "automations").glob("*.json"))
    assert [json.loads(file.read_text("utf-8")) for file in files] == list(shipped())


def test_without_an_address_nobody_is_notified() -> None:
    for values in shipped():
        (nobody,), (somebody,) = (with_receiver(values, each)["actions"] for each in (None, RECEIVER))
        if values["trigger"]["posture"] == "Proactive":
            assert nobody == somebody == values["actions"][0]
            continue
        assert nobody == {"type": "do-nothing"}
        assert (somebody["type"], somebody["block_document_id"]) == ("send-notification", RECEIVER)


def test_a_run_that_is_heard_of_no_more_is_called_crashed_which_is_alerted() -> None:
    (lost,) = [values for values in shipped() if values["trigger"]["posture"] == "Proactive"]
    automation = Automation.model_validate(with_receiver(lost, None))
    assert isinstance(automation.trigger, EventTrigger)
    (action,) = automation.actions
    assert action.type == "change-flow-run-state"
    assert list(covering([state_event(action.state.value.title(), "audit")])) == [
        "knobo: a scheduled run failed"
    ]
    beats = get_current_settings().flows.heartbeat_frequency
    assert beats
    assert automation.trigger.within >= timedelta(seconds=3 * beats)
    ends = ("Completed", "Failed", "Crashed", "TimedOut", "Cancelled")
    assert all(automation.trigger.expects(f"prefect.flow-run.{end}") for end in ends)
    assert automation.trigger.starts_after("prefect.flow-run.heartbeat")


@pytest.mark.parametrize("verb", ["serve", "deploy"])
def test_a_schedule_without_a_server_is_refused(verb: str) -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        found = CliRunner().invoke(app, [verb, "a.toml"])
    assert isinstance(found.exception, PipelineError)
    assert "needs a Prefect server that stays" in str(found.exception)


def test_a_server_that_is_silent_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        with temporary_settings({PREFECT_API_URL: address}):
            found = CliRunner().invoke(app, ["deploy", str(tmp_path / "a.toml")])
    assert isinstance(found.exception, PipelineError)
    assert f"the Prefect server at {address} does not answer" in str(found.exception)


def test_a_schedule_names_files_as_they_are_called_and_not_what_a_link_leads_to(tmp_path: Path) -> None:
    now = tmp_path / "..2026_11_24_02_00_00.1"  # as Kubernetes mounts a ConfigMap
    now.mkdir()
    config = finished(tmp_path / "small", row(0.7)).path("config.toml")
    (now / "small.toml").write_text(config.read_text())
    (tmp_path / "..data").symlink_to(now.name)
    (tmp_path / "policy.toml").symlink_to("..data/policy.toml")
    (tmp_path / "mounted.toml").symlink_to("..data/small.toml")
    named = tmp_path / "small" / ".." / "mounted.toml"
    scope = Scope.of((named,), runs=tmp_path, policy=tmp_path / "policy.toml", zone="UTC")
    assert deployment_of(ON_DEMAND, scope).parameters == {
        "config": str(tmp_path / "mounted.toml"),
        "policy": str(tmp_path / "policy.toml"),
        "runs": str(tmp_path),
    }
    (dataset,) = load_config(named).datasets
    assert dataset.manifest == tmp_path / "images.csv"


def test_a_planned_audit_asks_again_whether_unreviewed_literature_may_enter(tmp_path: Path) -> None:
    config = finished(tmp_path / "small", row(0.7)).directory / "config.toml"
    with pytest.raises(PipelineError, match="does not say whether planned audits take in local literature"):
        audit.fn(config, tmp_path)


def test_each_configuration_has_schedules_of_its_own(tmp_path: Path) -> None:
    first = finished(tmp_path / "small", row(0.7)).directory / "config.toml"
    second = finished(tmp_path / "other", row(0.7)).directory / "config.toml"
    with pytest.raises(PipelineError, match="are both named 'small'"):
        Scope.of((first, second), runs=tmp_path, policy=None, zone="UTC")
    second.write_text(second.read_text().replace('"small"', '"Small"'))
    with pytest.raises(PipelineError, match="are both named 'Small' or alike"):
        Scope.of((first, second), runs=tmp_path, policy=None, zone="UTC")
    second.write_text(second.read_text().replace('"Small"', '"Other"'))
    scope = Scope.of((first, second), runs=tmp_path, policy=tmp_path / "p.toml", zone="Europe/Berlin")
    made = [deployment_of(plan, scope) for plan in plans_at(refresh=None, audit=None, zone=scope.zone)]
    assert [each.entrypoint for each in made] == [
        "pipelines.deployments.flows.knowledge_refresh",
        "pipelines.deployments.flows.audit",
        "pipelines.deployments.flows.audit",
    ]
    assert [
        [(each.slug, each.parameters, each.schedule.timezone) for each in deployment.schedules or ()]
        for deployment in made
    ] == [
        [
            ("small", {"config": str(first)}, "Europe/Berlin"),
            ("other", {"config": str(second)}, "Europe/Berlin"),
        ]
    ] * 2 + [[]]
    assert made[0].parameters == {"runs": str(tmp_path)}
    assert made[2].parameters == {"runs": str(tmp_path), "policy": str(tmp_path / "p.toml")}
    with pytest.raises(PipelineError, match="does not say whether planned audits take in local literature"):
        scope.require_choice()
    for config in (first, second):
        config.write_text(config.read_text() + '[refresh]\nliterature = "follow"\n')
    scope.require_choice()
    single = Scope.of((first,), runs=tmp_path, policy=None, zone="UTC")
    assert deployment_of(ON_DEMAND, single).parameters == {"runs": str(tmp_path), "config": str(first)}


def test_the_database_layer_is_one_with_which_prefect_can_plan_runs() -> None:
    """With 2.1 Prefect 3.8 starts and runs flows, but its scheduler fails each time."""
    assert Version(version("sqlalchemy")) < Version("2.1")


def test_the_web_framework_is_one_with_which_a_worker_hears_of_cancellations() -> None:
    """From 0.151 on, Prefect 3.8's server refuses what its own workers ask after it was away."""
    assert Version(version("fastapi")) < Version("0.151")


HANGS = """
import pipelines.prefect_environment
import time
from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner
from pipelines.deployments.limits import ended_after
from pipelines.runners import Step, run_steps

@task
def hang() -> bool:
    time.sleep(600)

@flow
def within() -> None:
    with ThreadPoolTaskRunner(max_workers=1) as runner:
        run_steps([Step("hang", hang, {}, ())], runner)

@flow(timeout_seconds=1000)
def planned() -> None:
    with ended_after(0.5):
        pass
    with ended_after(4):
        within()

planned()
"""


def test_a_run_whose_work_hangs_is_ended_and_called_failed(tmp_path: Path) -> None:
    """As a planned audit does it: within a flow with a limit of its own, in a thread that heeds nothing."""
    (tmp_path / "hangs.py").write_text(HANGS)
    here = os.environ | {"PREFECT_HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    with (tmp_path / "errors").open("wb") as errors:
        run = subprocess.Popen(
            [sys.executable, "hangs.py"], cwd=tmp_path, env=here, stderr=errors, start_new_session=True
        )
        try:
            assert run.wait(240) == 1
        finally:
            os.killpg(run.pid, signal.SIGKILL)  # a temporary server outlives whoever started it
    assert "ended after 0.00111111 h of work" in (tmp_path / "errors").read_text()
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as database:
        states = database.execute(
            "select r.state_type, r.state_name, s.message from flow_run r join flow_run_state s "
            "on s.id = r.state_id join flow f on f.id = r.flow_id where f.name = 'planned'"
        ).fetchall()
    assert [(kind, name) for kind, name, _ in states] == [("FAILED", "TimedOut")]
    assert "started again, it goes on where it stood" in states[0][2]
