"""A fitted object on disk: a directory with its arrays (safetensors) and a readable about.json."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as dump_tensors

from models.errors import ModelsError
from models.files import replacing

T = TypeVar("T")

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

    def tensor(self, name: str, *shape: int) -> NDArray[Any]:
        """A floating-point array of that shape; a ValueError says what is wrong with it."""
        if name not in self.tensors:
            raise ValueError(f"the tensor {name} is missing")
        found = self.tensors[name]
        if found.shape != shape or found.dtype.kind != "f":
            raise ValueError(f"the tensor {name} is {found.dtype} {found.shape}, not floating-point {shape}")
        if not np.isfinite(found).all():
            raise ValueError(f"the tensor {name} holds numbers that are not finite")
        return found

    def names(self, key: str) -> tuple[str, ...]:
        """A list of different names in about.json; a ValueError says what is wrong with it."""
        found = self.about.get(key)
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise ValueError(f"{key} is no list of names")
        if len(set(found)) < len(found):
            raise ValueError(f"{key} has a name twice")
        return tuple(found)

    def records(self, key: str, kind: type[T]) -> tuple[T, ...]:
        """A list of dataclasses of plain fields in about.json; a ValueError says what is wrong with it."""
        found = self.about.get(key)
        if not isinstance(found, list):
            raise ValueError(f"{key} is no list")  # noqa: TRY004  # the file is wrong, not the caller
        return tuple(record(each, kind) for each in found)


def save_artifact(directory: Path, artifact: Artifact, *, kind: str) -> None:
    """Writes the arrays, then about.json with their SHA-256, so that a torn pair cannot be read."""
    data: bytes = dump_tensors({name: np.ascontiguousarray(each) for name, each in artifact.tensors.items()})
    about = {**artifact.about, "kind": kind, "tensors_sha256": hashlib.sha256(data).hexdigest()}
    with replacing(directory / TENSORS) as file:
        file.write(data)
    with replacing(directory / ABOUT) as file:
        file.write(to_json(about))


def read_artifact(directory: Path, build: Callable[[Artifact], T], *, kind: str) -> T:
    """What `build` makes of a directory; its own errors too are the user's, for they are in the files.

    Raises:
        ModelsError: As `load_artifact`, or contents of which nothing can be built.
    """
    artifact = load_artifact(directory, kind=kind)
    try:
        return build(artifact)
    except KeyError as error:
        reason = f"{error.args[0]} is missing"
        raise ModelsError(f"{directory} holds a damaged {kind} ({reason}); fit it again") from error
    except (ValueError, TypeError, AttributeError, IndexError, ArithmeticError) as error:
        raise ModelsError(f"{directory} holds a damaged {kind} ({error}); fit it again") from error


def load_artifact(directory: Path, *, kind: str) -> Artifact:
    """Reads what `save_artifact` wrote, as far as all kinds have it in common.

    Raises:
        ModelsError: Nothing there, another kind, or files that do not belong together.
    """
    try:
        about = json.loads((directory / ABOUT).read_bytes(), parse_constant=refuse)
        data = (directory / TENSORS).read_bytes()
        tensors: dict[str, NDArray[Any]] = load_tensors(data)
    except OSError as error:
        raise ModelsError(f"{directory} holds no {kind} ({error.strerror}); fit it first") from error
    except (ValueError, KeyError, RecursionError, SafetensorError) as error:
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


def refuse(constant: str) -> NoReturn:
    """NaN and the infinities, which are not JSON."""
    raise ValueError(f"{constant} is no number")


def record(values: object, kind: type[T]) -> T:
    """A dataclass of texts and numbers from its JSON; a ValueError says what is wrong with it."""
    wanted = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    if not isinstance(values, dict) or set(values) != set(wanted):
        raise ValueError(f"a {kind.__name__} has other fields")
    for name, value in values.items():
        if not isinstance(value, (int, float) if wanted[name] is float else wanted[name]):  # type: ignore[arg-type]
            raise ValueError(f"{name} of a {kind.__name__} is a {type(value).__name__}")  # noqa: TRY004  # as above
    return kind(**values)
