"""A concept that only detects the demo's planted shortcut, from pixels to the first row of the page."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from lxml import html as lxml_html
from report_example import make_report

from models.concept_audit import ConceptAudit
from models.concept_audit.leaks import MINIMUM, find_leaks
from models.concept_audit.report import join
from models.concept_audit.scored_images import ScoredImages
from models.evaluation.audit import AuditSettings
from models.features.table import FeatureTable
from models.grounding import GroundingSettings, fit_grounders
from pipelines.demo.cases import sample_cases
from pipelines.demo.chest import CHEST, draw_chest
from pipelines.report import render_html

QUICK = AuditSettings(replicates=200)


def make_images(*, seed: int, total: int) -> tuple[ScoredImages, dict[str, list[str | None]]]:
    """Detectors learn the findings and one the exposure from phantoms; other phantoms are the split."""
    cases = sample_cases(CHEST, seed=seed, total=total)
    pictures = [draw_chest(case).reshape(14, 16, 14, 16).mean(axis=(1, 3)).ravel() for case in cases]
    table = FeatureTable(
        tuple(case.image_id for case in cases),
        tuple(str(column) for column in range(196)),
        np.array(pictures, dtype=np.float32),
    )
    findings = [kind.id for kind in CHEST.findings]
    truth = np.array([[name in case.findings for name in findings] for case in cases])
    exposure = [case.attributes["exposure"] for case in cases]
    answers = np.column_stack([truth, [value == "bright" for value in exposure]]).astype(np.float32)
    learnt = [row for row, case in enumerate(cases) if case.set == "grounding"]
    asked = [row for row, case in enumerate(cases) if case.set == "evaluation"]
    ids = [table.ids[row] for row in learnt]
    grounder = fit_grounders(
        FeatureTable(tuple(ids), table.columns, table.rows(ids)),
        answers[learnt],
        concept_ids=(*findings, "planted"),
        settings=GroundingSettings(replicates=20, minimum=5),
    )
    scores = grounder.probabilities(table.values[asked])
    assert len(grounder.concept_ids) > 3
    images = ScoredImages(
        split="exposure",
        concept_ids=grounder.concept_ids,
        scores=scores,
        answers=np.full(scores.shape, np.nan),
        labels=np.array([CHEST.classes.index(cases[row].label) for row in asked]),
        units=tuple(cases[row].patient_id for row in asked),
    )
    return images, {
        name: [cases[row].attributes[name] for row in asked] for name in sorted(cases[0].attributes)
    }


@pytest.mark.parametrize(
    ("seed", "total", "minimum", "attributes"),
    [(3, 90, 5, ("exposure",)), (4, 130, MINIMUM, ("exposure", "marker", "sex"))],
)
def test_a_detector_of_the_demos_shortcut_is_named_first_and_stands_first_in_the_page(
    seed: int, total: int, minimum: int, attributes: tuple[str, ...]
) -> None:
    images, values = make_images(seed=seed, total=total)
    assert set(attributes) <= set(values)
    parts = [
        find_leaks(images, attribute=name, values=values[name], settings=QUICK, minimum=minimum)
        for name in attributes
    ]
    assert all(parts)
    found = join([ConceptAudit(leaks=leaks) for leaks in parts])
    first = found.leaks[0]
    assert (first.concept_id, first.attribute) == ("planted", "exposure")
    assert first.leaking
    assert all(one.rank <= other.rank for one, other in pairwise(found.leaks))
    page = lxml_html.fromstring(render_html(replace(make_report(), concept_audit=found)))
    row = page.get_element_by_id("concept-audit").find_class("leaks")[0].xpath(".//tbody/tr[1]")[0]
    assert row[0].text_content() == "planted leaks"
    assert row[1].text_content() == f"exposure: {first.value}"
