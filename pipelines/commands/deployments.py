"""`knobo serve` and `knobo deploy`: a refresh each night and an audit each week, by Prefect's clock."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.shared import console

if TYPE_CHECKING:
    from pipelines.deployments.plans import Plan
    from pipelines.deployments.register import Scope

ConfigsArgument = Annotated[
    list[Path], typer.Argument(help="Configuration files, one a run.", metavar="CONFIG...")
]
RunsOption = Annotated[Path, typer.Option(help="Folder that holds the runs.")]
RefreshOption = Annotated[
    str | None, typer.Option("--refresh", help="When to ask for literature, as in cron.", metavar="CRON")
]
AuditOption = Annotated[str | None, typer.Option("--audit", help="When to audit, likewise.", metavar="CRON")]
ZoneOption = Annotated[str, typer.Option(help="Time zone of these times, e.g. Europe/Berlin.")]
PolicyOption = Annotated[Path | None, typer.Option(help="Policy (TOML) that audits are held against.")]
GpusOption = Annotated[int, typer.Option(min=1, help="Runs that may work at a time, one for each GPU.")]


def serve(  # noqa: PLR0917 - typer calls by name
    configs: ConfigsArgument,
    runs: RunsOption = Path("runs"),
    refresh: RefreshOption = None,
    audit: AuditOption = None,
    timezone: ZoneOption = "UTC",
    policy: PolicyOption = None,
    gpus: GpusOption = 1,
) -> None:
    """Refresh each night and audit each week on this machine, until stopped."""
    plans, scope = asked(configs, runs, refresh=refresh, audit=audit, zone=timezone, policy=policy)
    from pipelines.deployments.register import serve_here

    tell(plans, scope)
    serve_here(plans, scope, gpus=gpus)


def deploy(  # noqa: PLR0917 - typer calls by name
    configs: ConfigsArgument,
    runs: RunsOption = Path("runs"),
    pool: Annotated[str, typer.Option(help="Work pool whose workers run them.")] = "knobo",
    refresh: RefreshOption = None,
    audit: AuditOption = None,
    timezone: ZoneOption = "UTC",
    policy: PolicyOption = None,
    gpus: GpusOption = 1,
) -> None:
    """Register the refresh and the audits with a Prefect server, for its workers."""
    plans, scope = asked(configs, runs, refresh=refresh, audit=audit, zone=timezone, policy=policy)
    from pipelines.deployments.register import register

    alerts = register(plans, scope, pool=pool, gpus=gpus)
    tell(plans, scope)
    console.print(f"Automations: {', '.join(alerts)}.", highlight=False, soft_wrap=True)
    console.print(f"Start a worker: prefect worker start --pool {pool}", highlight=False, soft_wrap=True)


def asked(
    configs: Sequence[Path],
    runs: Path,
    *,
    refresh: str | None,
    audit: str | None,
    zone: str,
    policy: Path | None,
) -> "tuple[tuple[Plan, ...], Scope]":
    """What is to be registered, checked before anything is."""
    from pipelines.deployments.environment import require_server

    require_server()
    from pipelines.deployments.plans import plans_at
    from pipelines.deployments.register import Scope
    from pipelines.policy import load_policy

    if policy:
        load_policy(policy)
    plans = plans_at(refresh=refresh, audit=audit, zone=zone)
    scope = Scope.of(configs, runs=runs, policy=policy, zone=zone)
    scope.require_choice()
    return plans, scope


def tell(plans: "Sequence[Plan]", scope: "Scope") -> None:
    """A line a deployment."""
    for plan in plans:
        when = f"at {plan.cron} ({scope.zone})" if plan.cron else "on demand"
        console.print(f"{plan.name} {when}", highlight=False, soft_wrap=True)
