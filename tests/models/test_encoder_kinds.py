from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file

from models.encoders import Encoder, EncoderSpec, open_encoder
from models.encoders.sources import local_source, weights_file
from models.errors import ModelsError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    generator = np.random.default_rng(0)
    sizes = [(50, 41), (64, 64), (33, 90)]
    return [
        Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for width, height in sizes
    ]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    save_file(timm.create_model("test_vit").state_dict(), folder / "model.safetensors")
    return folder / "model.safetensors"


def vectors_of(encoder: Encoder, images: Sequence[Image.Image]) -> NDArray[np.float32]:
    return encoder.encode(np.stack([encoder.prepare(image) for image in images]))


def test_raw_pixels_are_the_first_768_of_the_small_grey_image(photographs: list[Image.Image]) -> None:
    encoder = open_encoder(EncoderSpec(kind="pixels"))
    vectors = vectors_of(encoder, photographs)
    assert (vectors.shape, vectors.dtype, encoder.dimension) == ((3, 768), np.float32, 768)
    grey = [np.asarray(each.convert("L").resize((28, 28), 3), dtype=np.float64) for each in photographs]
    np.testing.assert_allclose(vectors, np.stack(grey).reshape(3, 784)[:, :768] / 255, atol=1e-6)


def test_an_untrained_network_is_that_of_its_seed(photographs: list[Image.Image]) -> None:
    state = torch.random.get_rng_state()
    first, again, other = (
        open_encoder(EncoderSpec(kind="untrained", architecture="test_vit", seed=seed, device="cpu"))
        for seed in (0, 0, 1)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    np.testing.assert_array_equal(vectors_of(first, photographs), vectors_of(again, photographs))
    assert first.digest == again.digest != other.digest
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = timm.create_model("test_vit", num_classes=0).eval()
    transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=plain))
    with torch.inference_mode():
        expected = plain(torch.stack([transform(each) for each in photographs])).numpy()
    np.testing.assert_allclose(vectors_of(first, photographs), expected, rtol=1e-3, atol=1e-4)


def test_no_image_gives_no_vector(weights: Path) -> None:
    spec = EncoderSpec(source=str(weights), architecture="test_vit", features="pooled", device="cpu")
    encoder = open_encoder(spec)
    assert encoder.encode(np.empty((0, 3, 160, 160), dtype=np.uint8)).shape == (0, encoder.dimension)


def test_a_lower_precision_has_another_digest_and_nearly_the_same_vectors(
    weights: Path, photographs: list[Image.Image]
) -> None:
    full, lower = (
        open_encoder(
            EncoderSpec(
                source=str(weights),
                architecture="test_vit",
                features="pooled",
                device="cpu",
                precision=precision,
            )
        )
        for precision in ("float32", "bfloat16")
    )
    assert full.digest != lower.digest
    expected = vectors_of(full, photographs)
    assert np.abs(vectors_of(lower, photographs) - expected).max() < 0.03 * np.abs(expected).max()


def test_weights_may_be_a_file_a_folder_or_a_converted_pickle(weights: Path, tmp_path: Path) -> None:
    assert weights_file(weights, converted=None) == weights_file(weights.parent, converted=None) == weights
    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "old.pth")
    with pytest.raises(ModelsError, match=r"old\.pth is a pickle"):
        weights_file(tmp_path / "old.pth", converted=None)
    kept = weights_file(tmp_path / "old.pth", converted=tmp_path / "kept")
    spec = EncoderSpec(source=str(kept), architecture="test_vit", features="pooled", device="cpu")
    assert open_encoder(spec).dimension == 64
    for name in ("a", "b"):
        (tmp_path / f"{name}.safetensors").touch()
    with pytest.raises(ModelsError, match=r"several files of weights \(a\.safetensors, b\.safetensors\)"):
        weights_file(tmp_path, converted=None)


def test_what_is_neither_a_path_nor_a_pinned_repository_is_refused() -> None:
    with pytest.raises(ModelsError, match=r"no weights at 'gone\.safetensors'; give a path"):
        local_source("gone.safetensors")
    with pytest.raises(ModelsError, match="no weights at ''"):
        open_encoder(EncoderSpec())
    for revision in (None, "main", COMMIT[:7]):
        with pytest.raises(ModelsError, match="give the 40 hex digits of a commit"):
            local_source("owner/name", revision=revision)


def cached_repository(home: Path, *, weights: str) -> Path:
    """A commit in the hub's cache, as a download leaves it."""
    folder = home / "models--owner--name" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / weights).touch()
    return folder


@pytest.mark.parametrize("weights", ["model.safetensors", "model.bin"])
def test_offline_a_commit_comes_from_the_cache_of_the_hub(
    weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    folder = cached_repository(tmp_path, weights=weights)
    assert local_source("owner/name", revision=COMMIT, offline=True) == folder
    with pytest.raises(
        ModelsError, match=r"f{40} of owner/name is not in the hub's cache and offline is set"
    ):
        local_source("owner/name", revision="f" * 40, offline=True)
