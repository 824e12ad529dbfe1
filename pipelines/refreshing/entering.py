"""Takes the refreshed literature into the run, so that the stages up to discovery need not run again."""

from models.files import write_text
from pipelines.config import Config, load_config
from pipelines.config.keeping import keep_config
from pipelines.directories import new_directory
from pipelines.errors import PipelineError
from pipelines.refreshing.staging import FOLDER, LITERATURE, UPDATED, fits, link, waits
from pipelines.run import Run

ENTERING = "refresh.entering"
"""Stands in the run while artifacts are exchanged: a killed process is completed by the next."""


def enter(run: Run) -> bool:
    """Puts the refreshed literature in force; whether there was any. Call it with the run locked.

    Raises:
        PipelineError: The run was built anew since.
    """
    if run.path(FOLDER).is_dir() and not fits(Run(run.path(FOLDER), run.config), run):
        raise PipelineError(
            f"{run.directory} was built anew after its last refresh; refresh it again with `knobo refresh`"
        )
    if not waits(run):
        return False
    write_text(run.path(ENTERING), "the literature of a refresh is being put in place\n")
    complete_entering(run)
    return True


def complete_entering(run: Run) -> None:
    """Goes on where a process was killed, does nothing where none was. Call it with the run locked.

    Raises:
        PipelineError: What was to be put in place is gone.
    """
    if not run.path(ENTERING).is_file():
        return
    staged = Run(run.path(FOLDER), run.config)
    if not staged.path("config.toml").is_file():
        raise PipelineError(
            f"a process was killed while it put the literature of {staged.directory} in place, and that "
            f"folder is gone since; delete {run.path(ENTERING)} and run `knobo run`, which reads all "
            "literature anew"
        )
    for name in LITERATURE:
        _replace(staged, run, name)
    keep_config(run.path("config.toml"), with_literature_of(staged, run))
    records = staged.records()
    run.take_over({name: records[name] for name in UPDATED})
    run.path(ENTERING).unlink()


def with_literature_of(staged: Run, run: Run) -> Config:
    """The configuration that the run keeps, with what the refresh read instead of what it had read before.

    The rest stays: it is what features, detectors and heads were made with, whatever somebody has written
    into the file since.
    """
    kept = run.path("config.toml")
    production = load_config(kept) if kept.is_file() else run.config
    read = load_config(staged.path("config.toml"))
    return production.model_copy(update={"literature": read.literature, "retrieval": read.retrieval})


def _replace(staged: Run, run: Run, name: str) -> None:
    source, target = staged.path(name), run.path(name)
    if source.is_dir():
        with new_directory(target) as folder:
            folder.rmdir()
            link(source, folder)
    else:
        beside = target.with_name(f".{name}.partial")
        beside.unlink(missing_ok=True)
        link(source, beside)
        beside.replace(target)
        beside.unlink(missing_ok=True)  # of two links to one file the first stays where it was
