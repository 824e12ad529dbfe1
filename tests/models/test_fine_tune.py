"""Fine-tuning: pixels kept in memory, augmentation, training, the paper's two networks."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from models.baselines import FineTuneSettings, Inputs, TrainingData
from models.baselines.fine_tune import FineTune, FittedNetworks
from models.baselines.fine_tune_settings import PRESETS
from models.baselines.parts.augmentation import augment, centred, crop, normalised, to_images
from models.baselines.parts.network_training import class_probabilities, train_mode
from models.baselines.parts.pixels import Pixels, fit_square
from models.encoders.weights import create_model
from models.errors import ModelsError
from models.images import open_image

STEADY = FineTuneSettings(size=40, crop=1, brightness=0)


def small_network(classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, classes),
    )


def make_images(directory: Path, *, rows: int) -> tuple[tuple[Path, ...], np.ndarray]:
    generator = np.random.default_rng(0)
    labels = np.arange(rows) % 2
    paths = []
    for row, label in enumerate(labels):
        pixels = generator.integers(0, 120, size=(40, 48), dtype=np.uint8) + np.uint8(100 * label)
        paths.append(directory / f"{row}.png")
        Image.fromarray(pixels).save(paths[-1])
    return tuple(paths), labels.astype(np.int64)


def image_data(paths: tuple[Path, ...], labels: np.ndarray) -> TrainingData:
    def inputs(part: slice) -> Inputs:
        rows = len(paths[part])
        return Inputs(np.zeros((rows, 1), np.float32), np.zeros((rows, 1), np.float32), paths[part])

    return TrainingData(
        classes=("dark", "light"),
        concept_ids=("c",),
        prior=np.zeros((2, 1), dtype=np.float32),
        train=inputs(slice(0, 25)),
        train_labels=labels[:25],
        validation=inputs(slice(25, None)),
        validation_labels=labels[25:],
    )


def test_fine_tuning_learns_is_repeatable_and_counts_images(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    data = image_data(*make_images(tmp_path, rows=37))
    settings = FineTuneSettings(epochs=6, batch=8, learning_rate=0.03, size=32)
    seen: list[tuple[int, int]] = []
    method = FineTune(small_network, settings)
    fitted = method.fit(data, seeds=(0, 1), progress=lambda done, total: seen.append((done, total)))
    shown = fitted.predict(data.validation)
    assert shown.shape == (2, 12, 2)
    assert (shown.argmax(axis=2) == data.validation_labels).mean() > 0.9
    assert seen[-1] == (2 * 6 * 37, 2 * 6 * 37)
    assert fitted.kept[0].accuracy == (shown[0].argmax(axis=1) == data.validation_labels).mean()
    np.testing.assert_allclose(method.fit(data, seeds=(1,)).predict(data.validation)[0], shown[1], atol=1e-6)
    fitted.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "1" / "tensors.safetensors").exists()


def test_in_two_threads_networks_come_out_as_one_after_another(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    data = image_data(*make_images(tmp_path, rows=37))
    together = Barrier(2)

    def drawing_network(classes: int) -> nn.Module:
        return nn.Sequential(
            nn.Flatten(), nn.Linear(3 * 16 * 16, 32), nn.Dropout(0.5), nn.Linear(32, classes)
        )

    method = FineTune(drawing_network, FineTuneSettings(epochs=12, batch=8, learning_rate=0.01, size=16))

    def train(seed: int) -> FittedNetworks:
        together.wait()
        fitted = method.fit(data, seeds=(seed, seed + 10))
        for _ in range(20):
            fitted.predict(data.validation)
        return fitted

    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(train, (0, 1)))
    for fitted in found:
        alone = method.fit(data, seeds=fitted.seeds)
        for kept, expected in zip(fitted.kept, alone.kept, strict=True):
            for name, each in expected.state.items():
                torch.testing.assert_close(kept.state[name], each, rtol=0, atol=1e-6)


def test_memory_for_few_images_changes_no_prediction(tmp_path: Path) -> None:
    data = image_data(*make_images(tmp_path, rows=37))
    shown = [
        FineTune(
            small_network, FineTuneSettings(epochs=2, batch=8, size=32, learning_rate=0.03, megabytes=each)
        )
        .fit(data, seeds=(0,))
        .predict(data.validation)
        for each in (0, 300)
    ]
    np.testing.assert_allclose(shown[0], shown[1], atol=1e-6)


def test_pixels_are_decoded_once_as_far_as_memory_goes(tmp_path: Path) -> None:
    paths, _ = make_images(tmp_path, rows=10)
    side = 400  # 480 kB each, so that a megabyte holds two
    pixels = Pixels(paths, side=side, megabytes=1)
    assert len(pixels.kept) == 2
    expected = np.stack([np.asarray(fit_square(open_image(path), side)) for path in paths])
    parts = [np.array([3, 0, 9]), np.array([1]), np.array([0, 5])]
    for (rows, found), asked in zip(pixels.batches(parts), parts, strict=True):
        np.testing.assert_array_equal(rows, asked)
        np.testing.assert_array_equal(found, expected[asked])
    assert pixels.filled.all()
    paths[0].unlink()
    np.testing.assert_array_equal(pixels.read(0), expected[0])
    paths[5].unlink()
    with pytest.raises(ModelsError, match=r"there is no image at .*5\.png"):
        list(pixels.batches([np.array([5])]))


def test_statistics_of_batch_normalisation_stay_as_pretrained() -> None:
    network = small_network(2)
    train_mode(network)
    before = {name: each.clone() for name, each in network.state_dict().items() if "running" in name}
    network(torch.rand(4, 3, 32, 32))
    for name, each in before.items():
        torch.testing.assert_close(network.state_dict()[name], each)
    assert network.training
    assert all(each.requires_grad for each in network.parameters())


def test_fine_tuning_without_image_files_is_refused(tmp_path: Path) -> None:
    data = image_data(*make_images(tmp_path, rows=37))
    empty = Inputs(data.train.features, data.train.scores)
    blind = TrainingData(
        data.classes,
        data.concept_ids,
        data.prior,
        empty,
        data.train_labels,
        data.validation,
        data.validation_labels,
    )
    with pytest.raises(ModelsError, match="reads image files and none were given"):
        FineTune(small_network).fit(blind, seeds=(0,))


def test_a_square_is_cut_from_the_middle() -> None:
    column = np.arange(60, dtype=np.uint8)
    image = Image.fromarray(np.stack([np.tile(column, (40, 1))] * 3, axis=2))
    square = np.asarray(fit_square(image, 40))
    assert square.shape == (40, 40, 3)
    np.testing.assert_array_equal(square[0, :, 0], column[10:50])


def random_pixels(*, side: int) -> Tensor:
    pixels = np.random.default_rng(0).integers(0, 256, size=(3, side, side, 3), dtype=np.uint8)
    return to_images(pixels, torch.device("cpu"))


def test_without_variation_augmentation_changes_nothing() -> None:
    images = random_pixels(side=40)
    torch.testing.assert_close(augment(images, STEADY, np.random.default_rng(0)), images)
    torch.testing.assert_close(centred(images, STEADY), images)


def test_channels_are_scaled_as_the_network_was_pretrained() -> None:
    images = random_pixels(side=8)
    expected = (images - 0.5) / 0.5
    torch.testing.assert_close(normalised(images, small_network(2)), expected)
    from torchvision.transforms.functional import normalize

    expected = normalize(images, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(normalised(images, create_model("resnet10t", num_classes=2)), expected)


def test_a_crop_shows_the_part_of_the_image_that_was_asked_for() -> None:
    images = random_pixels(side=40)
    right_upper = crop(images, 20, torch.full((3,), 0.5), torch.tensor([[0.5, -0.5]] * 3))
    torch.testing.assert_close(right_upper, images[:, :, :20, 20:])


def test_augmentation_keeps_brightness_within_bounds_and_depends_on_the_generator() -> None:
    settings = FineTuneSettings(size=32, crop=0.85, brightness=0.1)
    images = torch.full((50, 3, settings.side, settings.side), 0.5)
    varied = augment(images, settings, np.random.default_rng(0))
    assert varied.shape == (50, 3, 32, 32)
    assert 0.45 <= float(varied.min()) < float(varied.max()) <= 0.55
    torch.testing.assert_close(varied, augment(images, settings, np.random.default_rng(0)))
    assert float((varied - augment(images, settings, np.random.default_rng(1))).abs().max()) > 0.01


def test_probabilities_are_in_the_order_of_the_images(tmp_path: Path) -> None:
    paths, _ = make_images(tmp_path, rows=11)
    network, settings = small_network(2), FineTuneSettings(size=32, batch=4)
    whole = class_probabilities(network, Pixels(paths, side=settings.side, megabytes=9), settings=settings)
    for row, path in enumerate(paths):
        alone = class_probabilities(
            network, Pixels([path], side=settings.side, megabytes=9), settings=settings
        )
        np.testing.assert_allclose(alone[0], whole[row], atol=1e-6)


def test_the_networks_of_the_paper_are_known_and_trained_as_there() -> None:
    vit, dense = PRESETS["vit-l-14"], PRESETS["densenet-121"]
    assert (vit.settings.learning_rate, vit.settings.batch, vit.settings.epochs) == (1e-6, 64, 20)
    assert (dense.settings.learning_rate, dense.settings.batch, dense.settings.epochs) == (1e-5, 64, 20)
    assert dense.weights.startswith("timm's densenet121, trained on ImageNet.")
    network = create_model(dense.architecture, num_classes=2)
    assert network.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 2)
    assert sum(each.numel() for each in network.parameters()) == 6_955_906  # 7.0 million, as published
    from timm import is_model

    assert is_model(vit.architecture)
