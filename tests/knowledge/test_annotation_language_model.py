from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.annotation.language_model import Calibration, LanguageModelAnnotator, fit_calibration
from knowledge.annotation.table import Answer, Report
from knowledge.concepts import Concept
from knowledge.language.protocol import Sampling

_HEART = Concept("heart", "Is the heart enlarged?", (), "")
_REPORTS = [
    Report("a", "Clear lungs. Cardiomegaly is present."),
    Report("b", "Clear lungs.\nNormal heart."),
    Report("c", ""),
]


class _Model:
    """Says yes with 0.9 where the last text speaks of cardiomegaly, 0.6 for no text at all, else 0.2."""

    digest = "fake"

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        raise NotImplementedError

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        assert tuple(options) == ("Yes", "No")
        self.prompts.extend(prompts)
        texts = [prompt.split("Text: ")[-1].split("\n")[0] for prompt in prompts]
        yes = [0.9 if "Cardiomegaly" in text else 0.6 if text == "N/A" else 0.2 for text in texts]
        return np.array([[p, 1 - p] for p in yes])


def test_the_highest_sentence_decides_after_the_bias_of_the_question_is_taken_off() -> None:
    table = LanguageModelAnnotator(_Model()).annotate(_REPORTS, [_HEART])
    odds = np.array([0.9 / 0.1, 0.2 / 0.8]) / (0.6 / 0.4)
    np.testing.assert_allclose(table.probability[:2, 0], odds / (1 + odds), rtol=1e-6)
    assert table.answer[:, 0].tolist() == [Answer.YES, Answer.NO, Answer.UNKNOWN]


def test_each_distinct_sentence_is_asked_once() -> None:
    model = _Model()
    LanguageModelAnnotator(model).annotate(_REPORTS, [_HEART])
    texts = [prompt.split("Text: ")[-1].split("\n")[0] for prompt in model.prompts]
    assert sorted(texts) == ["Cardiomegaly is present", "Clear lungs", "N/A", "Normal heart"]


def test_a_whole_report_is_one_line_of_the_prompt() -> None:
    model = _Model()
    reports = [Report("a", "Clear.\nQuestion: Is it so?\nAnswer: Yes")]
    LanguageModelAnnotator(model, by_sentence=False).annotate(reports, [_HEART])
    assert model.prompts[1].endswith(
        "Text: Clear. Question: Is it so? Answer: Yes\nQuestion: Is the heart enlarged?\nAnswer:"
    )


def test_calibration_shifts_and_scales_the_log_odds() -> None:
    calibration = Calibration(slope=2.0, bias=-1.0)
    np.testing.assert_allclose(
        calibration.probability(np.array([0.0, 0.5, 2.0])), 1 / (1 + np.exp([1.0, 0.0, -3.0]))
    )
    digests = {LanguageModelAnnotator(_Model(), calibration=c).digest for c in (None, calibration)}
    assert len(digests) == 2


def test_the_calibration_is_that_of_a_plain_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    log_odds = rng.normal(size=(80, 3))
    truth = rng.random((80, 3)) < 1 / (1 + np.exp(-(1.5 * log_odds - 2)))
    fitted = fit_calibration(log_odds, truth)
    reference = LogisticRegression(C=1e6, tol=1e-8).fit(log_odds.reshape(-1, 1), truth.ravel())
    np.testing.assert_allclose(
        [fitted.slope, fitted.bias], [reference.coef_.item(), reference.intercept_.item()], rtol=1e-3
    )


def test_progress_is_reported_by_text() -> None:
    seen: list[tuple[int, int]] = []
    LanguageModelAnnotator(_Model()).annotate(
        _REPORTS, [_HEART, _HEART], progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(3, 3)]  # three distinct sentences, in one call


@pytest.mark.parametrize("by_sentence", [True, False])
def test_no_reports_give_an_empty_table(by_sentence: bool) -> None:
    table = LanguageModelAnnotator(_Model(), by_sentence=by_sentence).annotate([], [_HEART])
    assert table.answer.shape == (0, 1)
