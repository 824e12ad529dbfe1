"""Where the tasks of a flow run."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipelines.config.section import Section


class RunnerSection(Section):
    """Where the tasks of a flow run; nothing in a result depends on it."""

    kind: Literal["threads", "dask", "ray"] = "threads"
    """`threads` of one process; `dask` or `ray`: processes, of this machine or of a cluster."""
    address: str | None = None
    """Of a standing Dask scheduler (`tcp://host:8786`) or Ray cluster (`ray://host:10001`); without one the
    processes are started here for the run, and end with it."""
    workers: Annotated[int, Field(ge=1)] = 2
    """Tasks at once; a wide stage is cut into as many parts on `dask` and `ray`, or into `parts` if more."""
    cores: Annotated[int, Field(ge=1)] | None = None
    """Of each process started here; the machine's, shared evenly, if not given."""

    @model_validator(mode="after")
    def _only_a_cluster_has_an_address(self) -> Self:
        if self.kind == "threads" and self.address is not None:
            raise ValueError("threads have no address; leave it out, or set kind to dask or ray")
        if self.address is not None and self.cores is not None:
            raise ValueError("workers of a standing cluster have the cores they were started with")
        return self

    def shards(self, parts: int) -> int:
        """Parts of a wide stage, of which every worker has at least one."""
        return parts if self.kind == "threads" else max(parts, self.workers)

    def meaning(self) -> dict[str, Any]:
        """Nothing: where work is done decides no result."""
        return {}
