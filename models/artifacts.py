"""A fitted object on disk: a directory with its arrays (safetensors) and a readable about.json."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as dump_tensors

from models.errors import ModelsError
from models.files import replacing

TENSORS, ABOUT = "tensors.safetensors", "about.json"


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a directory holds.

    Attributes:
        tensors: Arrays by name.
        about: Everything else; JSON values only.
    """

    tensors: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any]


def save_artifact(directory: Path, artifact: Artifact, *, kind: str) -> None:
    """Writes the arrays, then about.json with their SHA-256, so that a torn pair cannot be read."""
    data: bytes = dump_tensors({name: np.ascontiguousarray(each) for name, each in artifact.tensors.items()})
    about = {**artifact.about, "kind": kind, "tensors_sha256": hashlib.sha256(data).hexdigest()}
    with replacing(directory / TENSORS) as file:
        file.write(data)
    with replacing(directory / ABOUT) as file:
        file.write(to_json(about))


def load_artifact(directory: Path, *, kind: str) -> Artifact:
    """Reads what `save_artifact` wrote.

    Raises:
        ModelsError: Nothing there, another kind, or files that do not belong together.
    """
    try:
        about = json.loads((directory / ABOUT).read_bytes())
        data = (directory / TENSORS).read_bytes()
        tensors: dict[str, NDArray[Any]] = load_tensors(data)
    except OSError as error:
        raise ModelsError(f"{directory} holds no {kind} ({error.strerror}); fit it first") from error
    except (ValueError, SafetensorError) as error:
        raise ModelsError(f"{directory} holds a damaged {kind} ({error}); fit it again") from error
    if not isinstance(about, dict) or about.get("kind") != kind:
        raise ModelsError(f"{directory / ABOUT} does not describe a {kind}; give the directory of one")
    if about.get("tensors_sha256") != hashlib.sha256(data).hexdigest():
        raise ModelsError(f"{TENSORS} and {ABOUT} of {directory} do not belong together; fit it again")
    return Artifact(tensors, about)


def to_json(value: object) -> bytes:
    """JSON with sorted keys, one line end at the end: equal values give equal bytes."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"
