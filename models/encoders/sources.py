"""Where weights come from: a local file or folder, or one commit of a hub repository, kept in its cache."""

import re
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from models.encoders.digest import file_digest
from models.encoders.weights import read_checkpoint
from models.errors import ModelsError
from models.files import replacing

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
COMMIT = re.compile(r"[0-9a-f]{40}")
TEXTS = ("*.json", "*.txt", "*.model")  # configurations and tokenizers
SAFE = "*.safetensors"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def local_source(source: str, *, revision: str | None = None, offline: bool = False) -> Path:
    """The file or folder of that path, else the files of one commit of a hub repository.

    What the hub's cache holds is used without asking the hub; the rest is fetched, unless `offline`.

    Raises:
        ModelsError: Neither a path nor a repository, no commit, or nothing to be had.
    """
    path = Path(source).expanduser()
    if source and path.exists():
        return path
    if not REPOSITORY.fullmatch(source):
        raise ModelsError(f"there are no weights at {source!r}; give a path or a hub repository (owner/name)")
    if revision is None or not COMMIT.fullmatch(revision):
        raise ModelsError(
            f"{source} is no local path, and as a hub repository it has the revision {revision}, which may "
            "change; give the 40 hex digits of a commit"
        )
    folder = snapshot(source, revision, (*TEXTS, SAFE), offline=offline)
    return (
        folder if any(folder.glob(SAFE)) else snapshot(source, revision, (*TEXTS, *PICKLES), offline=offline)
    )


def snapshot(repository: str, revision: str, patterns: Sequence[str], *, offline: bool) -> Path:
    """Folder of a commit's files in the hub's cache."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415  # slow

    try:
        return Path(
            snapshot_download(
                repository, revision=revision, allow_patterns=list(patterns), local_files_only=offline
            )
        )
    except OSError as error:  # the hub's own errors are among them
        reason = "offline is set" if offline else "the hub does not give it"
        message = f"the commit {revision} of {repository} is not in the hub's cache and {reason}"
        raise ModelsError(f"{message}; check name and network, or give a local path") from error


def weights_file(path: Path, *, converted: Path | None) -> Path:
    """The safetensors of a file or folder; a pickle is converted once, if there is a place for that.

    Args:
        path: A file, or a folder with one file of weights.
        converted: Folder of converted files, each named after the content of its pickle.

    Raises:
        ModelsError: No weights, several, or a pickle and no place for its conversion.
    """
    if not path.is_dir():
        return path if path.suffix == ".safetensors" else converted_file(path, converted)
    safe = sorted(path.glob(SAFE))
    if len(safe) > 1:
        names = ", ".join(each.name for each in safe)
        raise ModelsError(f"{path} holds several files of weights ({names}); give the path of one")
    pickles = sorted(each for pattern in PICKLES for each in path.glob(pattern))
    if not safe and len(pickles) != 1:
        raise ModelsError(f"{path} holds {len(pickles)} files of weights; one safetensors file is needed")
    return safe[0] if safe else converted_file(pickles[0], converted)


def converted_file(pickle: Path, converted: Path | None) -> Path:
    """A pickle's tensors as safetensors; only plain tensors are read from it, once."""
    if converted is None:
        raise ModelsError(f"{pickle} is a pickle, which can run code; convert it to safetensors")
    if not pickle.is_file():
        raise ModelsError(f"there are no weights at {pickle}; check the path")
    target = converted / f"{file_digest(pickle)}.safetensors"
    if not target.exists():
        data = save(plain_tensors(read_checkpoint(pickle), pickle))
        converted.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:
            file.write(data)
    return target


def plain_tensors(checkpoint: object, path: Path) -> dict[str, Tensor]:
    """The tensors of a network by name, out of what training programs put round them."""
    inner = checkpoint.get("state_dict", checkpoint) if isinstance(checkpoint, dict) else checkpoint
    if not isinstance(inner, dict) or not all(isinstance(each, Tensor) for each in inner.values()):
        raise ModelsError(f"{path} is not a checkpoint of named tensors; give the weights of one network")
    return {name.removeprefix("module."): each.detach().contiguous().clone() for name, each in inner.items()}
