"""The page of the API as a reader uses it in a browser: upload, explanation, a concept set, by keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_browser import browser, opened
from api_example import Serving, make_run, png

from pipelines.api.settings import Keys

KEY = "a-key-of-more-than-twenty-letters"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from browser()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "image.png").write_bytes(png())
    return make_run(folder / "small")


def test_a_reader_sees_why_and_sets_a_concept_by_keyboard_alone(chromium: Any, directory: Path) -> None:
    with Serving(directory) as serving:
        page, complaints, requests = opened(chromium, serving)
        page.set_input_files("#file", directory.parent / "image.png")
        page.wait_for_selector("#concepts li")
        assert page.evaluate("document.activeElement.id") == "answer"  # what came is read out
        before = page.inner_text("#answer")
        assert "The heart is enlarged in failure." in page.inner_text("#concepts")
        shown = [float(text.replace("−", "-")) for text in page.locator(".amount").all_inner_texts()]
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id").startswith("is-the-heart"):
                break
        page.keyboard.press("Enter")
        page.wait_for_selector("button[aria-pressed=true]")
        assert (
            page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
        )  # the place is kept
        page.wait_for_function(
            "document.getElementById('status').textContent.startsWith('With 1 concept set')"
        )
        assert "in the image as it is" in page.inner_text("#probabilities")
        page.click("#reset")
        assert page.inner_text("#answer") == before
        assert len(shown) == 2
        assert complaints == []
        assert all(url.startswith((serving.url, "blob:")) for url in requests)
        page.close()


def test_a_class_that_comes_to_win_is_the_one_that_is_explained(chromium: Any, directory: Path) -> None:
    with Serving(directory) as serving:
        page, complaints, _ = opened(chromium, serving)
        page.set_input_files("#file", directory.parent / "image.png")
        page.wait_for_selector("#concepts li")
        before = page.inner_text("#answer").split(",")[0]
        heart, fluid = serving.run.concept_ids
        for concept in (heart, fluid):  # the heart speaks for sick, fluid against it
            said = page.inner_text("#status")
            page.click(f"[id='{concept}-{'yes' if (concept == heart) == (before == 'normal') else 'no'}']")
            page.wait_for_function("said => document.getElementById('status').textContent !== said", arg=said)
        after = page.inner_text("#answer").split(",")[0]
        assert {before, after} == {"normal", "sick"}
        assert f"adds its amount to the score of {after}, in all" in page.inner_text("#sum")
        amounts = [float(text.replace("−", "-")) for text in page.locator(".amount").all_inner_texts()]
        logit = float(page.inner_text("#sum").split("in all ")[1].split(" ")[0].replace("−", "-"))
        assert logit > 0
        assert sum(amounts) == pytest.approx(logit, abs=2e-3)
        assert "Set to" in page.inner_text("#concepts")
        assert complaints == []
        page.close()


def test_a_failure_or_a_late_answer_leaves_nothing_of_another_image(chromium: Any, directory: Path) -> None:
    broken, late, image = (directory.parent / name for name in ("broken-after.png", "late.png", "image.png"))
    broken.write_bytes(png()[:100])
    late.write_bytes(png(9, (64, 64)))
    with Serving(directory) as serving:
        page, _, _ = opened(chromium, serving)
        page.set_input_files("#file", image)
        page.wait_for_selector("#concepts li")
        expected = page.inner_text("#answer") + page.inner_text("#sum")
        page.set_input_files("#file", broken)
        page.wait_for_selector("#status.bad")
        assert page.is_hidden("#result")
        held: list[Any] = []
        page.route("**/v1/predict*", lambda route: held.append(route))  # noqa: PLW0108  # no builtin is taken
        page.set_input_files("#file", late)
        page.wait_for_function("document.getElementById('status').textContent.startsWith('Reading')")
        page.set_input_files("#file", image)
        while len(held) < 2:
            page.wait_for_timeout(20)
        held[1].continue_()
        page.wait_for_selector("#concepts li")
        with page.expect_response("**/v1/predict*"):
            held[0].continue_()
        page.wait_for_timeout(100)
        assert page.inner_text("#answer") + page.inner_text("#sum") == expected
        page.close()


def test_what_cannot_be_read_is_said_and_a_key_is_asked_for(chromium: Any, directory: Path) -> None:
    broken = directory.parent / "broken.png"
    broken.write_bytes(png()[:100])
    with Serving(directory) as serving:
        page, _, _ = opened(chromium, serving, width=390)
        page.set_input_files("#file", broken)
        page.wait_for_selector("#status.bad")
        assert "is damaged or cut short" in page.inner_text("#status")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.close()
    (directory.parent / "keys").write_text(KEY)
    with Serving(directory, Keys.read(directory.parent / "keys")) as guarded:
        page, _, _ = opened(chromium, guarded)
        page.set_input_files("#file", directory.parent / "image.png")
        page.wait_for_selector("#key")
        page.fill("#key", KEY)
        page.keyboard.press("Tab")
        page.wait_for_selector("#concepts li")
        page.close()


def test_the_page_has_no_serious_fault_of_accessibility(chromium: Any, directory: Path) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python"
    )
    with Serving(directory) as serving:
        page, _, _ = opened(chromium, serving)
        page.set_input_files("#file", directory.parent / "image.png")
        page.wait_for_selector("#concepts li")
        page.context.set_default_timeout(10_000)
        found = axe.Axe().run(page).response["violations"]
        assert [each["id"] for each in found if each["impact"] in {"serious", "critical"}] == []
        page.close()
