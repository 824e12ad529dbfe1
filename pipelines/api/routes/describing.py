"""What the description of several routes has in common."""

from typing import Any

from pipelines.api.messages import Problem


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals of a route, for its description."""
    return {status: {"model": Problem} for status in (400, 401, 403, 404, 408, 413, 422, *statuses)}
