"""Agreement between annotators, against scikit-learn and a bootstrap that draws reports one by one."""

import json
from pathlib import Path

import numpy as np
import pytest

from knowledge.annotation.agreement import agreements, load_agreements, save_agreements
from knowledge.annotation.table import AnnotationTable, Answer
from knowledge.errors import KnowledgeError

RNG = np.random.default_rng(3)
REPORTS = tuple(f"r{i}" for i in range(150))
CONCEPTS = ("a", "b", "c")
TRUTH = RNG.random((150, 3)) < 0.4


def annotations(name: str, answer: np.ndarray, *, reports: tuple[str, ...] = REPORTS) -> AnnotationTable:
    values = answer.astype(np.int8)
    probability = np.where(values == 1, 0.9, 0.1).astype(np.float32)
    return AnnotationTable(reports, CONCEPTS, values, probability, name)


FIRST = annotations("rules", np.where(RNG.random(TRUTH.shape) < 0.05, Answer.UNKNOWN, TRUTH))
NOISY = annotations("language_model", TRUTH ^ (RNG.random(TRUTH.shape) < 0.2))


def test_kappa_is_that_of_scikit_learn_on_the_cells_both_answer() -> None:
    from sklearn.metrics import cohen_kappa_score

    whole, *each = agreements([FIRST, NOISY], draws=50)
    assert [row.concept_id for row in (whole, *each)] == ["", *CONCEPTS]
    for row, columns in zip((whole, *each), ([0, 1, 2], [0], [1], [2]), strict=True):
        a, b = FIRST.answer[:, columns].ravel(), NOISY.answer[:, columns].ravel()
        known = (a >= 0) & (b >= 0)
        assert row.kappa is not None
        np.testing.assert_allclose(row.kappa, cohen_kappa_score(a[known], b[known]), rtol=1e-9)
        assert row.raw == np.mean(a[known] == b[known])
        assert row.unanswered == np.sum(~known)
        assert row.both_yes + row.first_only + row.second_only + row.both_no == known.sum()
        assert row.first_only == np.sum((a == 1) & (b == 0))


def test_the_interval_is_that_of_reports_drawn_again() -> None:
    from sklearn.metrics import cohen_kappa_score

    (whole, *_) = agreements([FIRST, NOISY], draws=4000)
    stream, values = np.random.default_rng(0), []
    for _ in range(400):
        rows = stream.integers(0, 150, 150)
        a, b = FIRST.answer[rows].ravel(), NOISY.answer[rows].ravel()
        values.append(cohen_kappa_score(a[a >= 0], b[a >= 0]))
    assert whole.low is not None
    assert whole.high is not None
    np.testing.assert_allclose([whole.low, whole.high], np.quantile(values, [0.025, 0.975]), atol=0.02)


def test_reports_are_matched_by_id_and_cells_never_asked_left_out() -> None:
    asked = RNG.random(TRUTH.shape) < 0.5
    partly = AnnotationTable(
        REPORTS,
        CONCEPTS,
        np.where(asked, TRUTH, Answer.UNKNOWN).astype(np.int8),
        np.where(asked, 0.5, np.nan).astype(np.float32),
        "expert:x",
    )
    turned = annotations("rules", TRUTH[::-1], reports=REPORTS[::-1])
    (whole, *_) = agreements([partly, turned], draws=10)
    assert (whole.raw, whole.kappa) == (1.0, 1.0)
    assert whole.unanswered == np.sum(~asked)


def test_one_answer_throughout_has_no_kappa(tmp_path: Path) -> None:
    never = annotations("rules", np.zeros_like(TRUTH))
    rows = agreements([never, annotations("language_model", np.zeros_like(TRUTH))], draws=10)
    assert (rows[0].raw, rows[0].kappa, rows[0].low) == (1.0, None, None)
    save_agreements(rows, tmp_path / "agreement.json", reports=150)
    assert json.loads((tmp_path / "agreement.json").read_text("utf-8"))["agreements"][0]["kappa"] is None
    assert load_agreements(tmp_path / "agreement.json") == (rows, 150)
    (tmp_path / "agreement.json").write_text('{"agreements": [{"first": 1}]}', "utf-8")
    with pytest.raises(KnowledgeError, match="no agreement"):
        load_agreements(tmp_path / "agreement.json")


def test_tables_without_cells_in_common_or_of_one_annotator_are_not_compared() -> None:
    other = annotations("expert:x", TRUTH, reports=tuple(f"x{i}" for i in range(150)))
    assert agreements([FIRST, other]) == ()
    assert agreements([FIRST, FIRST]) == ()
