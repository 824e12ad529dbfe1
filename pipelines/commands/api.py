"""`knobo api`: a finished run answers over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from knowledge.loopback import is_loopback
from pipelines.commands.shared import RunArgument, console


def api(  # noqa: PLR0917 - typer calls by name
    run: RunArgument,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8080,
    keys: Annotated[
        Path | None,
        typer.Option(
            help="File with an API key a line, and `start` after one that may start audits; needed to listen "
            "beyond this machine."
        ),
    ] = None,
    audits: Annotated[
        Path | None, typer.Option(help="Folder of configurations that a key with the right may start.")
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(help="Folder of the runs that audits make; that of RUN by default.")
    ] = None,
) -> None:
    """Answer predictions over HTTP, each as a sum of concepts."""
    from pipelines.api.serve import serve
    from pipelines.api.settings import Keys
    from pipelines.errors import PipelineError

    known = Keys.read(keys)
    if not known.digests and not is_loopback(host):
        raise PipelineError(f"listening on {host} needs keys, or anybody could ask; name a file with --keys")
    console.print(f"Loading {run} ...", highlight=False)
    serve(run, host=host, port=port, keys=known, configurations=audits, runs=runs)
