import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from models.errors import ModelsError
from models.features.store import FeatureStore
from models.images import ImageRecord
from pipelines.commands.features import app, size
from pipelines.errors import PipelineError
from pipelines.images_table import ImagesTable, write_images

DIGESTS = tuple(hashlib.sha256(str(n).encode()).hexdigest() for n in range(200))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FeatureStore:
    monkeypatch.setenv("KNOBO_CACHE", str(tmp_path / "cache"))
    made = FeatureStore(tmp_path / "cache" / "features")
    for encoder in ("a" * 64, "b" * 64):
        values = np.random.default_rng(0).random((200, 8), dtype=np.float32)
        made.vectors(encoder, dimension=8).append(DIGESTS, values)
    made.vectors("empty", dimension=3)
    return made


@pytest.fixture
def run(tmp_path: Path) -> Path:
    records = tuple(ImageRecord(f"d/{n}", tmp_path / f"{n}.png", None, {}) for n in range(20))
    write_images(tmp_path / "run" / "images.parquet", ImagesTable(records, ("d",) * 20, DIGESTS[:20]))
    return tmp_path / "run"


def ask(*arguments: str) -> str:
    """What the verb prints.

    Raises:
        Exception: As it raises.
    """
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_encoders_are_listed_with_counts_and_bytes(store: FeatureStore) -> None:
    listed = json.loads(ask("list", "--json"))
    assert {(each["encoder"], each["vectors"], each["dimension"]) for each in listed} == {
        ("a" * 64, 200, 8),
        ("b" * 64, 200, 8),
    }
    for each in listed:
        folder = store.directory / each["encoder"]
        assert each["bytes"] == sum(file.stat().st_size for file in folder.iterdir())
    assert "aaaaaaaaaaaa" in ask("list")


def test_damaged_vectors_are_counted(store: FeatureStore) -> None:
    assert json.loads(ask("verify", "--json")) == {"a" * 64: [], "b" * 64: []}
    with store.existing("a").path(0).open("r+b") as file:
        file.write(b"\0" * 8)
    assert json.loads(ask("verify", "--encoder", "a", "--json")) == {"a" * 64: [DIGESTS[0]]}
    assert "1 damaged" in ask("verify")
    assert "intact" in ask("verify", "--encoder", "b")


def test_vectors_of_images_outside_the_runs_named_are_dropped(store: FeatureStore, run: Path) -> None:
    before = sum(each.bytes for each in store.holdings())
    freed = json.loads(ask("prune", "--keep", str(run), "--json"))["freed"]
    assert freed == before - sum(each.bytes for each in store.holdings())
    assert freed > 0
    for encoder in ("a", "b"):
        kept = store.existing(encoder)
        assert set(kept.images()) == set(DIGESTS[:20])
        assert kept.verify() == ()


def test_an_encoder_is_dropped_alone(store: FeatureStore) -> None:
    assert ask("prune", "--encoder", "a").startswith("Freed ")
    assert [(each.encoder, each.vectors) for each in store.holdings()] == [("b" * 64, 200)]


def test_what_is_not_there_or_not_named_is_told(store: FeatureStore, tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match=r"0 encoders in .* begin with 'c'; it has aaaaaaaaaaaa"):
        ask("verify", "--encoder", "c")
    with pytest.raises(PipelineError, match="nothing was named to drop or to keep"):
        ask("prune")
    with pytest.raises(PipelineError, match=r"has no images\.parquet"):
        ask("prune", "--keep", str(tmp_path))
    assert len(store.holdings()) == 2


def test_a_store_that_was_never_used_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOBO_CACHE", str(tmp_path / "none"))
    assert json.loads(ask("list", "--json")) == []
    assert "0 bytes" in ask("list")


def test_sizes_are_written_for_people() -> None:
    assert [size(n) for n in (0, 999, 1500, 2_500_000, 3 * 10**9)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "2.5 MB",
        "3.0 GB",
    ]
