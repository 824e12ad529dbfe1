"""Reading a configuration file: one sentence for what is wrong, absolute paths for what is right."""

import os
import tomllib
from pathlib import Path

from pydantic import ValidationError

from pipelines.config.whole import Config
from pipelines.errors import PipelineError
from pipelines.handbook import PREFIX


def load_config(path: Path) -> Config:
    """Reads and checks a TOML file; paths in it become absolute.

    Raises:
        PipelineError: No such file, no TOML, or a key or value that is not understood.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise PipelineError(
            f"the configuration {path} cannot be read ({error.strerror}); check the path"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} is not valid TOML ({error}); mend that line") from error
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise PipelineError(f"{path}: {first_fault(error)}") from error
    return _with_absolute_paths(config, as_called(path).parent)


def as_called(path: Path) -> Path:
    """An absolute path, its links left as they are.

    What a link leads to may be there on this machine and today alone: Kubernetes mounts a configuration as a
    link into a folder that is named by the time.
    """
    return Path(os.path.abspath(path))  # noqa: PTH100 - the only one that drops `..` and follows no link


OUTSIDE = ("literal_error", "greater_than", "greater_than_equal", "less_than", "less_than_equal")


def first_fault(error: ValidationError, *, reference: str = "docs/configuration.md") -> str:
    """What is wrong with a file of settings, and where, in a few words."""
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        message = f"is not a setting; see {reference}"
    if fault["type"] in OUTSIDE:
        message += f", not {fault['input']!r}"
    more = error.error_count() - 1
    return f"{where + ': ' if where else ''}{message}" + (f" (and {more} more)" if more else "")


def _with_absolute_paths(config: Config, root: Path) -> Config:
    def absolute(path: Path | None) -> Path | None:
        if path is None or str(path).startswith(PREFIX):
            return path
        return root / path

    literature = tuple(
        item if item.kind == "pubmed_query" else item.model_copy(update={"path": absolute(item.path)})
        for item in config.literature
    )
    datasets = tuple(
        item.model_copy(update={"manifest": absolute(item.manifest), "folder": absolute(item.folder)})
        for item in config.datasets
    )
    splits = tuple(item.model_copy(update={"files": absolute(item.files)}) for item in config.splits)
    sections = {
        "splits": splits,
        "literature": literature,
        "datasets": datasets,
        "discovery": config.discovery.model_copy(update={"bank": absolute(config.discovery.bank)}),
        "prior": config.prior.model_copy(update={"expert": absolute(config.prior.expert)}),
        "annotation": config.annotation.model_copy(
            update={"lexicon": tuple(local_path(name, root) for name in config.annotation.lexicon)}
        ),
        "retrieval": config.retrieval.model_copy(
            update={
                "encoder": local_path(config.retrieval.encoder, root),
                "reranker": absolute(config.retrieval.reranker),
            }
        ),
        "screening": config.screening.model_copy(
            update={"encoder": local_path(config.screening.encoder, root)}
        ),
        "encoder": config.encoder.model_copy(update={"weights": local_path(config.encoder.weights, root)}),
        "fine_tune": config.fine_tune.model_copy(
            update={
                "weights": local_path(config.fine_tune.weights, root) if config.fine_tune.weights else None
            }
        ),
        "language_model": config.language_model.model_copy(
            update={
                "weights": local_path(config.language_model.weights, root),
                "replay": absolute(config.language_model.replay),
            }
        ),
    }
    return config.model_copy(update=sections)


def local_path(name: str, root: Path) -> str:
    """A path made absolute; a plain name (of weights, of a lexicon) is left alone."""
    return str(root / name) if "/" in name or Path(name).suffix in {".toml", ".safetensors"} else name
