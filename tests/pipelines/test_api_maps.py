"""Where in an image the concepts are seen: the route, and the page as a reader uses it without a mouse."""

import io
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import timm
from api_browser import browser, opened
from api_example import PASSAGE, Serving, make_run, note_stages, png
from PIL import Image
from safetensors.torch import save_file
from scipy.special import logit

from knowledge.passages import write_passages

CELLS, STRIDE = 2, 16


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from browser()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("located")
    weights = folder / "weights.safetensors"
    network = timm.create_model("test_efficientnet")
    save_file(network.state_dict(), weights)
    maps: Any = network.feature_info
    channels = next(each["num_chs"] for each in maps if each["reduction"] == STRIDE)
    encoder = f'{{ weights = "{weights}", architecture = "test_efficientnet", cells = {CELLS} }}'
    run = make_run(folder / "small", encoder=encoder, dimension=CELLS**2 * channels, signs=2)
    write_passages(run / "passages.jsonl", [replace(PASSAGE, locator="PMID 29768149, Results")])
    note_stages(run)
    (folder / "image.png").write_bytes(png(size=(120, 90)))
    return run


@pytest.fixture(scope="module")
def serving(directory: Path) -> Iterator[Serving]:
    with Serving(directory) as server:
        yield server


def asked(serving: Serving, route: str, data: bytes) -> dict[str, Any]:
    answer = httpx.post(f"{serving.url}/v1/{route}", content=data, timeout=30)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_the_places_of_a_map_add_up_to_is_the_score_of_the_concept(serving: Serving) -> None:
    image = png(5, (120, 90))
    found, scores = asked(serving, "maps", image), asked(serving, "predict", image)["scores"]
    assert found["rows"] == found["columns"] > CELLS  # as fine as the inner map, not as the cells
    for each in found["concepts"]:
        assert len(each["values"]) == found["rows"] * found["columns"]
        expected = logit(np.float64(scores[each["id"]]))
        assert np.mean(each["values"]) + each["offset"] == pytest.approx(expected, abs=2e-3)
    assert [each["id"] for each in found["concepts"]] == list(serving.run.concept_ids)
    shown = Image.open(io.BytesIO(b64decode(found["picture"])))
    assert (shown.size, shown.format) == ((120, 90), "JPEG")


def test_features_that_do_not_know_their_place_give_no_maps(tmp_path: Path) -> None:
    with Serving(make_run(tmp_path / "pixels")) as serving:
        answer = httpx.post(f"{serving.url}/v1/maps", content=png())
        assert (answer.status_code, answer.json()["detail"][:21]) == (409, "the features of this ")
        assert "<body>" in httpx.get(serving.url).text


def press_until(page: Any, key: str, reached: str) -> None:
    """Presses a key until the focused element matches a selector."""
    for _ in range(40):
        page.keyboard.press(key)
        if page.evaluate("wanted => document.activeElement.matches(wanted)", reached):
            return
    pytest.fail(f"the focus never came to {reached}")


def test_an_image_is_read_explained_and_flipped_by_keyboard_alone(
    chromium: Any, serving: Serving, directory: Path
) -> None:
    page, complaints, _ = opened(chromium, serving, width=390)
    press_until(page, "Tab", "#file")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(directory.parent / "image.png")
    page.wait_for_selector("#concepts figure:not([hidden])")
    before = page.inner_text("#probabilities")
    press_until(page, "Tab", "figure button")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert "of the picture." in page.inner_text("figure.big figcaption")
    press_until(page, "Shift+Tab", "button[aria-pressed]")
    page.keyboard.press("Space")
    page.wait_for_selector("button[aria-pressed=true]")
    assert page.inner_text("#probabilities") != before
    assert page.locator("figure.big canvas").count() == 1  # what was enlarged stays so
    press_until(page, "Shift+Tab", "#reset")
    page.keyboard.press("Enter")
    assert page.inner_text("#probabilities") == before
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []
    page.close()


def test_a_quote_leads_to_its_article_in_pubmed(chromium: Any, serving: Serving, directory: Path) -> None:
    page, _, _ = opened(chromium, serving)
    page.set_input_files("#file", directory.parent / "image.png")
    page.wait_for_selector("#concepts li")
    link = page.locator("#concepts a").first
    assert link.get_attribute("href") == "https://pubmed.ncbi.nlm.nih.gov/29768149/"
    assert "noreferrer" in str(link.get_attribute("rel"))
    assert "PMID 29768149, Results" in page.inner_text("#concepts")
    page.close()


EDGE = """sign => {
  const picture = document.createElement("canvas");
  picture.width = picture.height = 300;
  const values = new Map([["it", [0, 0, 0, 0, sign, 0, 0, 0, 0]]]);
  const maps = { picture, values, rows: 3, columns: 3, largest: 1 };
  const canvas = document.createElement("canvas");
  drawMap(canvas, maps, "it", 300);
  const pixels = canvas.getContext("2d").getImageData(102, 100, 96, 1).data;
  const grey = (at) => 0.3 * pixels[at] + 0.59 * pixels[at + 1] + 0.11 * pixels[at + 2];
  return [...Array(96).keys()].map((at) => grey(4 * at));
}"""
PLACES = """placesOf(
  { rows: 3, columns: 3, largest: 1, values: new Map([["it", [0, 0, 1, 0, 0, 0, -0.9, 0, 0]]]) }, "it"
)"""


def test_what_speaks_for_and_against_differs_without_colour(chromium: Any, serving: Serving) -> None:
    page, _, _ = opened(chromium, serving)
    whole, dashed = (np.array(page.evaluate(EDGE, sign)) > 220 for sign in (1, -1))
    assert whole.all()
    assert 0.3 < dashed.mean() < 0.9
    assert page.evaluate(PLACES) == (
        "Speaks for it most in the upper right, against it most in the lower left of the picture."
    )
    page.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_on_the_page_with_maps(
    chromium: Any, serving: Serving, directory: Path, width: int
) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python"
    )
    page, _, _ = opened(chromium, serving, width=width)
    page.set_input_files("#file", directory.parent / "image.png")
    page.wait_for_selector("#concepts figure:not([hidden])")
    page.locator("figure button").first.click()
    page.locator("button[aria-pressed]").first.click()
    page.wait_for_selector("button[aria-pressed=true]")
    assert [each["id"] for each in axe.Axe().run(page).response["violations"]] == []
    page.close()
