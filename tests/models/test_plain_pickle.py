import os
import pickle
import pickletools
import struct
from collections import OrderedDict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelsError
from models.splits.released import machine, plain_pickle
from models.splits.released.plain_pickle import read_plain_pickle

PATHS = {"Effusion": ["NIH-CXR/a.png", "NIH-CXR/ä.png"], "Atelectasis": ["NIH-CXR/a.png"], "empty": []}


def written(folder: Path, content: bytes) -> Path:
    path = folder / "class2images_train.p"
    path.write_bytes(content)
    return path


class Payload:
    """Runs a command when the standard reader loads it."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(6))
def test_the_same_dictionary_as_the_standard_reader(tmp_path: Path, protocol: int) -> None:
    many = {"one": [f"images/{n}.png" for n in range(2500)], "two": ["images/1.png", "line\nbreak\\u0041"]}
    for content in (PATHS, many, {}):
        data = pickle.dumps(content, protocol)
        read = read_plain_pickle(written(tmp_path, data))
        assert read == pickle.loads(data) == content
        assert list(read) == list(content)


@given(
    content=st.dictionaries(
        st.text(st.characters(codec="utf-8")), st.lists(st.text(st.characters(codec="utf-8")))
    ),
    protocol=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_any_dictionary_of_lists_of_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, list[str]], protocol: int
) -> None:
    path = written(tmp_path_factory.getbasetemp(), pickle.dumps(content, protocol))
    assert read_plain_pickle(path) == content


@pytest.mark.parametrize("protocol", range(6))
def test_a_command_in_a_pickle_is_refused_and_never_run(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "ran"
    for content in (Payload(f"touch {trace}"), {"a": [Payload(f"touch {trace}")]}):
        with pytest.raises(ModelsError, match="asks for something else"):
            read_plain_pickle(written(tmp_path, pickle.dumps(content, protocol)))
    assert not trace.exists()


HOSTILE = {
    "a global by name": b"cos\nsystem\n(S'true'\ntR.",
    "a global from the stack": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "an instance of protocol 0": b"(S'true'\nios\nsystem\n.",
    "a persistent id": b"Pevil\n.",
    "an extension code": b"\x80\x02\x82\x01.",
    "a state that is set": b"}}b.",
    "bytes": pickle.dumps({"a": [b"b"]}),
    "a number": pickle.dumps({"a": [1]}),
    "a tuple": pickle.dumps({"a": ("b",)}),
    "a set": pickle.dumps({"a": {"b"}}),
    "None": pickle.dumps({"a": None}),
    "an ordered dictionary": pickle.dumps(OrderedDict(a=["b"])),
    "a list alone": pickle.dumps(["a"]),
    "a text alone": pickle.dumps("a"),
    "a text for a list": pickle.dumps({"a": "b"}),
    "a dictionary within": pickle.dumps({"a": {"b": ["c"]}}),
    "a list within": pickle.dumps({"a": [["b"]]}),
    "a list as a key": b"\x80\x02}]]s.",
    "nothing": b"",
    "an end alone": b".",
    "a newer protocol": b"\x80\x06}.",
    "two objects": b"}}.",
    "more after the end": pickle.dumps(PATHS) + b"\x00",
    "a pickle after the end": pickle.dumps(PATHS) * 2,
    "a key twice": b"}X\x01\x00\x00\x00a]sX\x01\x00\x00\x00a]s.",
    "a key without a value": b"}(X\x01\x00\x00\x00au.",
    "a mark too few": b"}e.",
    "a mark kept": b"(q\x00.",
    "an append to a dictionary": b"}X\x01\x00\x00\x00aa.",
    "an entry in a list": b"]X\x01\x00\x00\x00a]s.",
    "what was never remembered": b"h\x07.",
    "a list remembered": b"}X\x01\x00\x00\x00a]q\x00sX\x01\x00\x00\x00bh\x00s.",
    "a list in itself": b"]q\x00h\x00a.",
    "a lone surrogate": b"}(X\x03\x00\x00\x00\xed\xa0\x80]u.",
    "a lone surrogate of protocol 0": b"}V\\ud800\n]s.",
    "a length without bytes": b"\x8d" + struct.pack("<Q", 2**62) + b"a.",
    "a frame without bytes": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"}.",
    "a number of a million digits": b"}p" + b"9" * 10**6 + b"\n.",
    "a negative number": b"}p-1\n.",
    "a line without an end": b"V" + b"a" * 1000,
    "deep lists": b"]" * 10**5 + b"a" * (10**5 - 1) + b".",
    "deep marks": b"(" * 10**5 + b"l" * 10**5 + b".",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_everything_else_is_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ModelsError, match="is not a pickled dictionary of lists of text") as refusal:
        read_plain_pickle(written(tmp_path, HOSTILE[kind]))
    assert str(refusal.value).startswith(str(tmp_path))
    assert len(str(refusal.value)) < len(str(tmp_path)) + 260


def test_lists_that_repeat_each_other_do_not_grow(tmp_path: Path) -> None:
    bomb: list[object] = ["lol"]
    for _ in range(60):
        bomb = [bomb] * 10
    with pytest.raises(ModelsError, match="is no text"):
        read_plain_pickle(written(tmp_path, pickle.dumps({"a": bomb})))


def test_a_giant_place_in_the_memo_costs_nothing(tmp_path: Path) -> None:
    data = b"}X\x01\x00\x00\x00ar\xff\xff\xff\xff]j\xff\xff\xff\xffas."
    assert read_plain_pickle(written(tmp_path, data)) == {"a": ["a"]}


def test_files_beyond_the_limits_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickle.dumps(PATHS)
    monkeypatch.setattr(machine, "MAXIMUM_STEPS", len(list(pickletools.genops(data))) - 1)
    with pytest.raises(ModelsError, match="instructions"):
        read_plain_pickle(written(tmp_path, data))
    monkeypatch.setattr(plain_pickle, "MAXIMUM_BYTES", len(data) - 1)
    with pytest.raises(ModelsError, match="is larger than"):
        read_plain_pickle(written(tmp_path, data))


@pytest.mark.parametrize("protocol", range(6))
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, protocol: int) -> None:
    data = pickle.dumps(PATHS, protocol)
    for end in range(len(data)):
        with pytest.raises(ModelsError, match="is not a pickled dictionary"):
            read_plain_pickle(written(tmp_path, data[:end]))


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 200), value=st.binary(max_size=8), protocol=st.integers(0, 5))
def test_damaged_bytes_give_a_plain_dictionary_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: bytes, protocol: int
) -> None:
    data = pickle.dumps(PATHS, protocol)
    place %= len(data)
    path = written(tmp_path_factory.getbasetemp(), data[:place] + value + data[place + len(value) :])
    try:
        read = read_plain_pickle(path)
    except ModelsError:
        return
    assert all(type(key) is str and type(paths) is list for key, paths in read.items())
    assert all(type(path) is str for paths in read.values() for path in paths)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match=r"none\.p cannot be read"):
        read_plain_pickle(tmp_path / "none.p")
