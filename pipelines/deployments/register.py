"""Tells a Prefect server of the deployments, for the workers of a pool or to be run by this process."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import serve
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Schedule
from prefect.types.entrypoint import EntrypointType

from pipelines.artifact_keys import key_of
from pipelines.config import as_called, load_config
from pipelines.deployments import flows
from pipelines.deployments.alerts import register_alerts
from pipelines.deployments.choice import require_choice
from pipelines.deployments.limits import set_gpus
from pipelines.deployments.plans import Plan
from pipelines.errors import PipelineError

TAG = "knobo"


@dataclass(frozen=True, slots=True)
class Scope:
    """What the deployments work on.

    Attributes:
        configs: Configuration files by the names of their runs.
        runs: Folder that holds the runs.
        policy: Policy that audits are held against; None for none.
        zone: Time zone of the schedules.
    """

    configs: dict[str, Path]
    runs: Path
    policy: Path | None
    zone: str

    @classmethod
    def of(cls, configs: Sequence[Path], *, runs: Path, policy: Path | None, zone: str) -> "Scope":
        """Reads the configurations, so that a mistake shows now and not at night.

        Raises:
            PipelineError: One cannot be read, or two have names that Prefect could not tell apart.
        """
        found: dict[str, Path] = {}
        for config in configs:
            name = load_config(config).name
            twin = next((each for each in found if key_of(each, "") == key_of(name, "")), None)
            if twin is not None:
                raise PipelineError(
                    f"{found[twin]} and {config} are both named {name!r} or alike; give each run a name that "
                    "differs in letters or digits, not in case or signs alone"
                )
            found[name] = as_called(config)
        return cls(found, as_called(runs), as_called(policy) if policy else None, zone)

    def require_choice(self) -> None:
        """Refuses configurations by which unreviewed literature would enter without anybody having said so.

        Raises:
            PipelineError: One has literature on this machine, and says neither `hold` nor `follow`.
        """
        for path in self.configs.values():
            require_choice(load_config(path), path)

    def parameters(self, plan: Plan) -> dict[str, Any]:
        """What a run is started with unless something else is said; the configuration where there is one."""
        found: dict[str, Any] = {"runs": str(self.runs)}
        if self.policy and plan.flow == "audit":
            found["policy"] = str(self.policy)
        if len(self.configs) == 1:
            found["config"] = str(next(iter(self.configs.values())))
        return found

    def schedules(self, plan: Plan) -> list[Schedule]:
        """One for each configuration."""
        if plan.cron is None:
            return []
        return [
            Schedule(
                cron=plan.cron, timezone=self.zone, slug=name.lower(), parameters={"config": str(config)}
            )
            for name, config in self.configs.items()
        ]


def deployment_of(plan: Plan, scope: Scope) -> RunnerDeployment:
    """As Prefect wants it: the flow by module path, so that a worker needs the package and no files."""
    limit = plan.at_once and ConcurrencyLimitConfig(
        limit=plan.at_once, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE
    )
    made = getattr(flows, plan.flow).to_deployment(
        plan.name,
        schedules=scope.schedules(plan),
        parameters=scope.parameters(plan),
        concurrency_limit=limit,
        description=plan.description,
        tags=[TAG],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    assert isinstance(made, RunnerDeployment)  # a coroutine where a loop runs, and none does
    return made


def register(plans: Sequence[Plan], scope: Scope, *, pool: str, gpus: int) -> tuple[str, ...]:
    """For the workers of a pool, which is made where it is missing; names of the automations."""
    ensure_pool(pool)
    set_gpus(gpus)
    for plan in plans:
        deployment = deployment_of(plan, scope)
        drop_other_schedules(deployment)
        deployment.apply(work_pool_name=pool)
    return register_alerts()


def serve_here(plans: Sequence[Plan], scope: Scope, *, gpus: int) -> None:
    """Runs them in processes of this machine until stopped; what was due meanwhile runs after a restart."""
    set_gpus(gpus)
    register_alerts()
    deployments = [deployment_of(plan, scope) for plan in plans]
    for deployment in deployments:
        drop_other_schedules(deployment)
    serve(*deployments, pause_on_shutdown=False, print_starting_message=False)


def drop_other_schedules(deployment: RunnerDeployment) -> None:
    """Configurations that are no longer named; Prefect itself keeps their schedules beside the new ones."""
    wanted = {schedule.slug for schedule in deployment.schedules or ()}
    with get_client(sync_client=True) as client:
        try:
            known = client.read_deployment_by_name(deployment.full_name)
        except ObjectNotFound:
            return
        for schedule in client.read_deployment_schedules(known.id):
            if schedule.slug not in wanted:
                client.delete_deployment_schedule(known.id, schedule.id)


def ensure_pool(name: str) -> None:
    """A pool whose workers start a process for each run, unless there is one of that name."""
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(name)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=name, type="process"))
