import hashlib
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch

from models.acquisition.erasure import Erased, Eraser
from models.bottleneck import KnoBo
from models.encoders.weights import create_model, headless_model
from models.errors import ModelsError
from models.features.table import FeatureTable
from models.grounding.grounder import ConceptQuality, Grounder, GroundingSettings, Inseparable, Ungrounded
from models.scaling import Scaling, ScalingKind

TENSORS, ABOUT = "tensors.safetensors", "about.json"
Damage = Callable[[Path], object]


class Saved(Protocol):
    def save(self, directory: Path) -> None: ...


def grounder() -> Grounder:
    quality = [ConceptQuality(name, 12, 30, 0.8, 0.7, 0.9, 0.75, 0.6, 0.85) for name in ("a", "b")]
    return Grounder(
        concept_ids=("a", "b"),
        columns=("0", "1", "2"),
        weight=np.arange(6.0).reshape(2, 3),
        bias=np.ones(2),
        scaling=Scaling(ScalingKind.STANDARD, np.zeros(3), np.ones(3)),
        quality=tuple(quality),
        out_of_fold=FeatureTable(("x",), ("a", "b"), np.full((1, 2), 0.5, dtype=np.float32)),
        ungrounded=(Ungrounded("c", 3, 40),),
        settings=GroundingSettings(equal_size=1000),
        inseparable=(Inseparable(("a", "b"), 42, 1),),
    )


def knobo() -> KnoBo:
    ones = np.ones((2, 3), dtype=np.float32)
    scaling = Scaling(ScalingKind.CENTER, np.zeros(3), np.ones(3))
    return KnoBo(("no", "yes"), ("a", "b", "c"), ones, ones, scaling, {"seed": 0})


def eraser() -> Eraser:
    erased = (Erased("view", ("AP", "PA"), 10, ()),)
    return Eraser(erased, ("0", "1"), np.zeros(2), np.ones((2, 1)), np.full((2, 1), 0.5), 0.1, 10)


KINDS: dict[str, tuple[Callable[[], Saved], Callable[[Path], Saved]]] = {
    "grounder": (grounder, Grounder.load),
    "knobo": (knobo, KnoBo.load),
    "eraser": (eraser, Eraser.load),
}


def change_about(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    about = json.loads((folder / ABOUT).read_text())
    change(about)
    (folder / ABOUT).write_text(json.dumps(about))


def change_tensors(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    """With the checksum made to fit, as a foreign program would write it."""
    tensors = load_file(folder / TENSORS)
    change(tensors)
    save_file(tensors, folder / TENSORS)
    fit_checksum(folder)


def fit_checksum(folder: Path) -> None:
    digest = hashlib.sha256((folder / TENSORS).read_bytes()).hexdigest()
    change_about(folder, lambda about: about.update(tensors_sha256=digest))


def largest(tensors: dict[str, np.ndarray]) -> str:
    return max(tensors, key=lambda name: (tensors[name].size, name))


def poison(tensors: dict[str, np.ndarray], value: float) -> None:
    array = tensors[largest(tensors)].copy()
    array.flat[0] = value
    tensors[largest(tensors)] = array


def reshape(tensors: dict[str, np.ndarray]) -> None:
    tensors[largest(tensors)] = np.ascontiguousarray(tensors[largest(tensors)][..., :-1])


def flatten(tensors: dict[str, np.ndarray]) -> None:
    for name, array in tensors.items():
        tensors[name] = np.array(array.flat[0])


def as_short_floats(folder: Path) -> None:
    tensors = {
        name: torch.from_numpy(array).bfloat16() for name, array in load_file(folder / TENSORS).items()
    }
    save_torch(tensors, folder / TENSORS)
    fit_checksum(folder)


def lists_to_numbers(about: dict[str, object]) -> None:
    about.update({key: 5 for key, value in about.items() if isinstance(value, list)})


def lists_of_nothing(about: dict[str, object]) -> None:
    about.update({key: [None] for key, value in about.items() if isinstance(value, list)})


def clear(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


class Exploit:
    """Would write a file if it were ever unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.write_text, (self.target, "run"))


DAMAGES: dict[str, Damage] = {
    "nothing there": clear,
    "no tensors": lambda folder: (folder / TENSORS).unlink(),
    "no about": lambda folder: (folder / ABOUT).unlink(),
    "tensors cut in half": lambda folder: cut(folder / TENSORS, 0.5),
    "tensors cut in the header": lambda folder: (folder / TENSORS).write_bytes(b"\x08\x00"),
    "tensors empty": lambda folder: cut(folder / TENSORS, 0),
    "a header as long as memory": lambda folder: (folder / TENSORS).write_bytes(struct.pack("<Q", 2**60)),
    "a last byte changed": lambda folder: (folder / TENSORS).write_bytes(
        (folder / TENSORS).read_bytes()[:-1] + b"\x7f"
    ),
    "a pickle under its name": lambda folder: (folder / TENSORS).write_bytes(
        pickle.dumps(Exploit(folder / "ran"))
    ),
    "an npz of objects under its name": lambda folder: np.savez(
        (folder / TENSORS).open("wb"), weight=np.array([Exploit(folder / "ran")], dtype=object)
    ),
    "short floats": as_short_floats,
    "about cut": lambda folder: cut(folder / ABOUT, 0.7),
    "about empty": lambda folder: cut(folder / ABOUT, 0),
    "about not text": lambda folder: (folder / ABOUT).write_bytes(b"\xff\xfe\x00"),
    "about a list": lambda folder: (folder / ABOUT).write_text("[1, 2]"),
    "about nested without end": lambda folder: (folder / ABOUT).write_text("[" * 100_000),
    "about with NaN": lambda folder: change_about(folder, lambda about: about.update(extra=float("nan"))),
    "another kind": lambda folder: change_about(folder, lambda about: about.update(kind="something")),
    "no kind": lambda folder: change_about(folder, lambda about: about.pop("kind")),
    "only a kind": lambda folder: change_about(
        folder, lambda about: [about.pop(key) for key in list(about) if key not in {"kind", "tensors_sha256"}]
    ),
    "numbers for lists": lambda folder: change_about(folder, lists_to_numbers),
    "lists of nothing": lambda folder: change_about(folder, lists_of_nothing),
    "a tensor missing": lambda folder: change_tensors(folder, lambda all_: all_.pop(largest(all_))),
    "no tensor at all": lambda folder: change_tensors(folder, lambda all_: all_.clear()),
    "a tensor of another shape": lambda folder: change_tensors(folder, reshape),
    "tensors without shape": lambda folder: change_tensors(folder, flatten),
    "a tensor with NaN": lambda folder: change_tensors(folder, lambda all_: poison(all_, np.nan)),
    "a tensor with infinity": lambda folder: change_tensors(folder, lambda all_: poison(all_, np.inf)),
    "whole numbers": lambda folder: change_tensors(
        folder, lambda all_: all_.update({name: each.astype(np.int64) for name, each in all_.items()})
    ),
}


def assert_one_sentence(error: ModelsError, folder: Path) -> None:
    message = str(error)
    assert str(folder) in message
    assert "\n" not in message
    assert len(message) < len(str(folder)) * 2 + 250


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_artifact_is_refused_in_one_sentence(kind: str, damage: str, tmp_path: Path) -> None:
    make, load = KINDS[kind]
    make().save(tmp_path)
    DAMAGES[damage](tmp_path)
    with pytest.raises(ModelsError) as caught:
        load(tmp_path)
    assert_one_sentence(caught.value, tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_only_its_own_loader_reads_an_artifact(kind: str, other: str, tmp_path: Path) -> None:
    KINDS[kind][0]().save(tmp_path)
    load = KINDS[other][1]
    if kind == other:
        load(tmp_path).save(tmp_path / "again")
        for file in (TENSORS, ABOUT):
            assert (tmp_path / "again" / file).read_bytes() == (tmp_path / file).read_bytes()
        return
    with pytest.raises(ModelsError, match=f"does not describe a {other}"):
        load(tmp_path)


def test_a_number_too_large_for_what_it_says_is_refused(tmp_path: Path) -> None:
    eraser().save(tmp_path)
    text = (tmp_path / ABOUT).read_text()
    (tmp_path / ABOUT).write_text(text.replace('"images": 10,\n "kind"', '"images": 1e999,\n "kind"'))
    assert "1e999" in (tmp_path / ABOUT).read_text()
    with pytest.raises(ModelsError, match="damaged eraser") as caught:
        Eraser.load(tmp_path)
    assert_one_sentence(caught.value, tmp_path)


def first_quality(about: dict[str, object]) -> dict[str, object]:
    quality = about["quality"]
    assert isinstance(quality, list)
    first: dict[str, object] = quality[0]
    return first


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda about: first_quality(about).pop("auroc"), "ConceptQuality has other fields"),
        (lambda about: first_quality(about).update(auroc="high"), "auroc of a ConceptQuality is a str"),
        (lambda about: about["quality"].reverse(), "quality is of other concepts"),
        (lambda about: about["concept_ids"].append("a"), "concept_ids has a name twice"),
        (lambda about: about["settings"].update(scaling="none of these"), "none of these"),
        (lambda about: about["settings"].update(unheard_of=1), "unheard_of"),
        (lambda about: about["settings"].pop("scaling"), "scaling is missing"),
        (lambda about: about.update(settings=None), "NoneType"),
    ],
)
def test_what_is_wrong_in_a_grounder_is_said(
    change: Callable[[dict[str, object]], object], reason: str, tmp_path: Path
) -> None:
    grounder().save(tmp_path)
    change_about(tmp_path, change)
    with pytest.raises(ModelsError, match=reason) as caught:
        Grounder.load(tmp_path)
    assert_one_sentence(caught.value, tmp_path)


def test_a_grounder_of_a_run_before_inseparable_concepts_were_named_can_be_read(tmp_path: Path) -> None:
    grounder().save(tmp_path)
    change_about(tmp_path, lambda about: about.pop("inseparable"))
    assert Grounder.load(tmp_path).inseparable == ()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_torch(create_model("test_resnet").state_dict(), path)
    return path


WEIGHT_DAMAGES: dict[str, Damage] = {
    "cut": lambda file: cut(file, 0.5),
    "empty": lambda file: cut(file, 0),
    "a pickle": lambda file: file.write_bytes(pickle.dumps(Exploit(file.with_name("ran")))),
    "a torch pickle": lambda file: torch.save({"weight": torch.ones(2)}, file),
    "an npz of objects": lambda file: np.savez(file.open("wb"), a=np.array([Exploit(file)], dtype=object)),
    "another network": lambda file: save_torch({"weight": torch.ones(2)}, file),
    "NaN": lambda file: save_torch(
        {
            name: torch.full_like(tensor, torch.nan) if tensor.ndim == 4 else tensor
            for name, tensor in create_model("test_resnet").state_dict().items()
        },
        file,
    ),
    "missing": Path.unlink,
}


@pytest.mark.parametrize("damage", WEIGHT_DAMAGES)
def test_damaged_weights_of_an_encoder_are_refused_in_one_sentence(
    weights: Path, damage: str, tmp_path: Path
) -> None:
    file = tmp_path / weights.name
    file.write_bytes(weights.read_bytes())
    headless_model("test_resnet", file)
    WEIGHT_DAMAGES[damage](file)
    with pytest.raises(ModelsError) as caught:
        headless_model("test_resnet", file)
    assert_one_sentence(caught.value, file)
    assert not (tmp_path / "ran").exists()


def objects_for_values(folder: Path) -> None:
    with (folder / "values.npy").open("wb") as file:
        np.save(file, np.array([[Exploit(folder / "ran")]], dtype=object), allow_pickle=True)


FEATURE_DAMAGES: dict[str, Damage] = {
    "values cut": lambda folder: cut(folder / "values.npy", 0.5),
    "values gone": lambda folder: (folder / "values.npy").unlink(),
    "values of objects": objects_for_values,
    "names cut": lambda folder: cut(folder / "names.json", 0.5),
    "about cut": lambda folder: cut(folder / ABOUT, 0.5),
    "about a list": lambda folder: (folder / ABOUT).write_text("[]"),
    "about nested without end": lambda folder: (folder / ABOUT).write_text("[" * 100_000),
    "a grounder": lambda folder: grounder().save(folder),
}


@pytest.mark.parametrize("damage", FEATURE_DAMAGES)
def test_damaged_features_are_refused_in_one_sentence(damage: str, tmp_path: Path) -> None:
    FeatureTable(("x",), ("0", "1"), np.ones((1, 2), dtype=np.float32)).save(tmp_path)
    FEATURE_DAMAGES[damage](tmp_path)
    with pytest.raises(ModelsError) as caught:
        FeatureTable.load(tmp_path)
    assert_one_sentence(caught.value, tmp_path)
    assert not (tmp_path / "ran").exists()
