import csv
import re
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.demo.cases import Case, FindingKind, Placement, Subject, sample_cases
from pipelines.demo.chest import CHEST, draw_chest
from pipelines.demo.make import make_demo
from pipelines.demo.reports import write_report
from pipelines.demo.skin import SKIN, draw_skin
from pipelines.errors import PipelineError

SMALL = {"chest": 4, "skin": 4}
SUBJECTS = [pytest.param(CHEST, id="chest"), pytest.param(SKIN, id="skin")]
DRAW = {"chest": draw_chest, "skin": draw_skin}
PLAIN = {"marker": "absent", "exposure": "dark", "sex": "M"} | {
    "ruler": "absent",
    "dark_corner": "absent",
    "skin_tone": "light",
}


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def case(findings: dict[str, Placement], seed: int = 5, **attributes: str) -> Case:
    return Case("i", "p", "grounding", "x", findings, PLAIN | attributes, seed, seed)


def pixels(subject: Subject, one: Case) -> np.ndarray:
    image = DRAW[subject.name](one).astype(float)
    return image if image.ndim == 2 else image.mean(axis=2)


# ---- the folder


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        make_demo(tmp_path / name, seed=seed, **SMALL)
    first, same, other = (digest(tmp_path / name) for name in "abc")
    assert first == same
    assert first["skin/metadata.csv"] != other["skin/metadata.csv"]


def test_a_complete_folder_is_left_alone_and_changed_settings_make_it_anew(tmp_path: Path) -> None:
    make_demo(tmp_path, **SMALL)
    kept = tmp_path / "skin" / "metadata.csv"
    before, calls = kept.stat().st_mtime_ns, []
    make_demo(tmp_path, chest=4, skin=4, progress=lambda done, total: calls.append((done, total)))
    assert (kept.stat().st_mtime_ns, calls) == (before, [])
    make_demo(tmp_path, chest=6, skin=4, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(i, 6) for i in range(1, 7)]
    assert len(read(tmp_path / "chest_xray" / "metadata.csv")) == 6


def test_an_interrupted_run_is_finished_with_the_bytes_of_an_uninterrupted_one(tmp_path: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_demo(tmp_path / "a", **SMALL, progress=stop)
    assert not (tmp_path / "a" / "chest_xray").exists()
    make_demo(tmp_path / "a", **SMALL)
    make_demo(tmp_path / "b", **SMALL)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_a_folder_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "skin").mkdir()
    (tmp_path / "skin" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(PipelineError, match="not made by the demo"):
        make_demo(tmp_path, chest=0, skin=4)
    assert (tmp_path / "skin" / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_the_table_names_readable_images_and_its_columns_are_as_documented(tmp_path: Path) -> None:
    data = make_demo(tmp_path, **SMALL)
    for subject, table in ((CHEST, data.chest), (SKIN, data.skin)):
        rows = read(table)
        names = [a.name for a in subject.attributes] + [f"truth_{kind.id}" for kind in subject.findings]
        fixed = ["image", "image_id", "patient_id", "label", "set"]
        assert list(rows[0]) == [*fixed, *names, "report"]
        for row in rows:
            with Image.open(table.parent / row["image"]) as image:
                assert image.size == (224, 224)
        assert {row["set"] for row in rows} == {"grounding", "evaluation"}


# ---- the cases


@pytest.mark.parametrize("subject", SUBJECTS)
def test_more_images_do_not_change_the_first_ones(subject: Subject) -> None:
    few, many = (sample_cases(subject, seed=1, total=n) for n in (20, 60))
    assert [c for c in many if c.set == "grounding"][:10] == few[:10]
    assert [c for c in many if c.set == "evaluation"][:10] == few[10:]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_patient_is_in_both_sets_and_none_has_more_than_two_images(subject: Subject) -> None:
    cases = sample_cases(subject, seed=0, total=1000)
    assert len({c.image_id for c in cases}) == 1000
    assert len({(c.patient_id, c.set) for c in cases}) == len({c.patient_id for c in cases})
    assert set(Counter(c.patient_id for c in cases).values()) == {1, 2}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_cell_of_class_and_attribute_is_well_filled(subject: Subject) -> None:
    cases = sample_cases(subject, seed=0, total=1000)
    for attribute in subject.attributes:
        cells = Counter((c.set, c.label, c.attributes[attribute.name]) for c in cases)
        assert set(cells) == set(product(("grounding", "evaluation"), subject.classes, attribute.values))
        assert min(cells.values()) >= 80


@pytest.mark.parametrize("subject", SUBJECTS)
def test_shortcuts_say_nothing_about_label_or_findings(subject: Subject) -> None:
    cases = sample_cases(subject, seed=0, total=6000)
    truth = {kind.id: np.array([kind.id in c.findings for c in cases], float) for kind in subject.findings}
    truth["label"] = np.array([c.label == subject.classes[1] for c in cases], float)
    for attribute in subject.attributes:
        value = np.array([c.attributes[attribute.name] == attribute.values[1] for c in cases], float)
        for name, present in truth.items():
            assert abs(np.corrcoef(value, present)[0, 1]) < 0.06, (attribute.name, name)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_label_follows_the_findings_with_some_noise(subject: Subject) -> None:
    cases = sample_cases(subject, seed=0, total=2000)
    sign = {kind.id: np.sign(kind.risk) for kind in subject.findings}
    guess = [sum(sign[f] for f in c.findings) > 0 for c in cases]
    agree = np.mean([g == (c.label == subject.classes[1]) for g, c in zip(guess, cases, strict=True)])
    assert 0.85 < agree < 0.99


# ---- the pictures: boxes in picture coordinates (x to the right, y down, -1 to 1), written from anatomy

SIDED = {"left": (0.0, 0.8), "right": (-0.8, 0.0)}
CHEST_BOXES = {
    "enlarged_heart": ((-0.8, 0.8), (-0.45, 0.6)),
    "pleural_effusion": (None, (-0.2, 0.7)),
    "pneumothorax": (None, (-0.95, 0.65)),
    "consolidation": (None, (-0.75, 0.6)),
    "nodule": (None, (-0.75, 0.6)),
    "interstitial_markings": ((-0.85, 0.85), (-0.9, 0.7)),
    "linear_atelectasis": (None, (-0.1, 0.65)),
    "hyperinflation": ((-0.9, 0.9), (-1.0, 0.8)),
    "calcified_granuloma": ((-0.7, 0.7), (-0.75, 0.6)),
    "tortuous_aorta": ((-0.1, 0.5), (-0.6, 0.6)),
    "sternotomy_wires": ((-0.2, 0.2), (-0.65, 0.4)),
    "pacemaker": ((-0.85, 0.85), (-0.8, 0.55)),
    "elevated_hemidiaphragm": ((-0.9, 0.9), (-0.15, 0.75)),
    "hilar_enlargement": ((-0.6, 0.6), (-0.55, 0.4)),
}
DISC = ((-0.95, 0.95), (-0.95, 0.95))


def share_inside(difference: np.ndarray, xs: tuple[float, float], ys: tuple[float, float]) -> float:
    axis = (np.arange(224) + 0.5) / 112 - 1
    inside = ((axis > ys[0]) & (axis < ys[1]))[:, None] & ((axis > xs[0]) & (axis < xs[1]))[None, :]
    return float(difference[inside].sum() / difference.sum())


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", CHEST.findings, ids=lambda kind: kind.id)
def test_a_chest_finding_changes_the_picture_where_it_should(kind: FindingKind, side: str) -> None:
    for zone in kind.zones:
        without, present = case({}), case({kind.id: Placement(side, zone, 0.6, 11)})
        difference = np.abs(pixels(CHEST, present) - pixels(CHEST, without))
        xs, ys = CHEST_BOXES[kind.id]
        assert (difference > 10).sum() >= 150
        assert share_inside(np.where(difference > 4, difference, 0), xs or SIDED[side], ys) > 0.95


@pytest.mark.parametrize("kind", SKIN.findings, ids=lambda kind: kind.id)
def test_a_skin_finding_changes_the_lesion_and_not_the_skin_around(kind: FindingKind) -> None:
    for seed in (5, 6):
        without, present = case({}, seed), case({kind.id: Placement("left", "mid", 0.6, 11)}, seed)
        difference = np.abs(pixels(SKIN, present) - pixels(SKIN, without))
        assert (difference > 10).sum() >= 150
        assert share_inside(np.where(difference > 4, difference, 0), *DISC) > 0.97
        assert (difference > 4).mean() < 0.35


def test_effusion_whitens_the_costophrenic_angle_and_pneumothorax_darkens_the_apex() -> None:
    plain = pixels(CHEST, case({}))
    fluid = pixels(CHEST, case({"pleural_effusion": Placement("left", "lower", 0.8, 1)}))
    air = pixels(CHEST, case({"pneumothorax": Placement("left", "upper", 0.8, 1)}))
    angle, apex = (slice(145, 160), slice(165, 185)), (slice(30, 60), slice(140, 190))
    assert fluid[angle].mean() > plain[angle].mean() + 30
    assert air[apex].mean() < plain[apex].mean() - 4


def test_the_heart_is_wider_than_half_the_chest_only_when_enlarged() -> None:
    from pipelines.demo.chest_thorax import altered_thorax, normal_thorax

    for seed in range(30):
        thorax = normal_thorax(seed, female=False)
        big = altered_thorax(thorax, {"enlarged_heart": Placement("left", "mid", 0.0, 0)})
        assert thorax.heart / thorax.width < 0.5 < big.heart / big.width


@pytest.mark.parametrize(
    ("subject", "name", "value", "region"),
    [
        (CHEST, "marker", "present", "upper_corners"),
        (SKIN, "ruler", "present", "edges"),
        (SKIN, "dark_corner", "present", "edges"),
    ],
)
def test_a_planted_mark_lies_at_the_border_of_the_picture(
    subject: Subject, name: str, value: str, region: str
) -> None:
    difference = np.abs(pixels(subject, case({}, **{name: value})) - pixels(subject, case({})))
    y, x = np.mgrid[0:224, 0:224] / 111.5 - 1
    corner = (np.abs(x) > 0.6) & (y < -0.5)
    allowed = corner if region == "upper_corners" else np.hypot(x, y) > 0.75
    assert difference[allowed].sum() / difference.sum() > 0.97
    assert (difference > 20).sum() > 100


def test_exposure_tone_and_breast_shadow_change_brightness_as_named() -> None:
    chest, skin = pixels(CHEST, case({})), pixels(SKIN, case({}))
    assert pixels(CHEST, case({}, exposure="bright")).mean() > chest.mean() + 20
    assert pixels(SKIN, case({}, skin_tone="dark")).mean() < skin.mean() - 40
    bases = (slice(125, 150), slice(50, 175))
    assert pixels(CHEST, case({}, sex="F"))[bases].mean() > chest[bases].mean() + 5


@pytest.mark.parametrize("subject", SUBJECTS)
def test_pictures_are_neither_black_nor_white_and_differ_from_each_other(subject: Subject) -> None:
    cases = sample_cases(subject, seed=2, total=12)
    images = [pixels(subject, one) for one in cases]
    assert all(40 < image.mean() < 215 and image.std() > 20 for image in images)
    assert min(np.abs(a - b).mean() for i, a in enumerate(images) for b in images[:i]) > 5


# ---- the reports: an independent reader that knows a few words and that a denial opens a sentence

MENTION = {
    "enlarged_heart": r"cardiomegaly|(heart|silhouette).*enlarged|cardiac silhouette|heart (size|is)",
    "pleural_effusion": r"effusion|pleural fluid|costophrenic",
    "pneumothorax": r"pneumothorax",
    "consolidation": r"consolidation|airspace",
    "nodule": r"nodule|mass",
    "interstitial_markings": r"interstitial|reticular|kerley",
    "linear_atelectasis": r"atelectasis",
    "hyperinflation": r"hyperinflat|hyperexpanded|inflated|flattening",
    "calcified_granuloma": r"granuloma|parenchymal calcification",
    "tortuous_aorta": r"aort",
    "sternotomy_wires": r"stern",
    "pacemaker": r"pacemaker",
    "elevated_hemidiaphragm": r"(?=.*hemidiaphragm)(?=.*(elevat|normal in position))",
    "hilar_enlargement": r"\bhila",
    "asymmetry": r"symmetr",
    "irregular_border": r"border",
    "multiple_colours": r"colou?r",
    "atypical_network": r"atypical(?! vessels).*network|network.*atypical|irregular network",
    "irregular_globules": r"globules|dots (?!or|and)|irregular dots",
    "streaks": r"streak|streaming",
    "blue_white_veil": r"veil",
    "regression": r"regression",
    "vessels": r"vessel|vascular",
    "ulceration": r"ulcerat",
    "scale": r"\bscal(e|y)\b",
    "typical_network": r"(?<!a)typical,? (pigment )?network|network is (probably )?typical|\bregular pigment",
    "milia_like_cysts": r"milia",
    "comedo_like_openings": r"comedo",
}
DENIAL = re.compile(
    r"\b(no|not|without|negative|free of|absence|absent|normal|normally|sharp|clear|uniform|homogeneous|"
    r"the lesion is symmetric|symmetry in|border is regular|smooth, even|unremarkable)\b",
    re.IGNORECASE,
)


def stated(report: str, finding: str) -> bool:
    report = report.replace("without peripheral lung markings", "")  # a sign, not a denial
    sentences = re.split(r"(?<=\.)\s+", report)
    return any(re.search(MENTION[finding], s, re.IGNORECASE) and not DENIAL.search(s) for s in sentences)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_reports_state_what_is_true_but_for_about_one_omission_in_twenty(subject: Subject) -> None:
    cases = [replace(c, findings=dict(c.findings)) for c in sample_cases(subject, seed=7, total=1200)]
    told, false = Counter(), Counter()
    for one in cases:
        report = write_report(one, subject)
        for kind in subject.findings:
            (told if kind.id in one.findings else false)[kind.id, stated(report, kind.id)] += 1
    for kind in subject.findings:
        present, missed = told[kind.id, True], told[kind.id, False]
        assert present / (present + missed) > 0.85, kind.id
        assert false[kind.id, True] / (false[kind.id, True] + false[kind.id, False]) < 0.02, kind.id
    omitted = sum(n for (_, seen), n in told.items() if not seen) / sum(told.values())
    assert 0.03 < omitted < 0.08


@pytest.mark.parametrize("subject", SUBJECTS)
def test_reports_vary_deny_and_hardly_ever_mention_a_shortcut(subject: Subject) -> None:
    reports = [write_report(c, subject) for c in sample_cases(subject, seed=7, total=600)]
    assert len(set(reports)) > 590
    assert np.mean([bool(re.search(r"\b(no|without|not)\b", r, re.IGNORECASE)) for r in reports]) > 0.9
    assert np.mean([bool(re.search(r"\b(may|possibl[ey]|probabl[ey]|likely)\b", r)) for r in reports]) > 0.15
    shortcut = r"marker|exposure|breast|ruler|dark corner|dark skin"
    assert 0 < np.mean([bool(re.search(shortcut, r, re.IGNORECASE)) for r in reports]) < 0.05
    assert not any("{" in r or "  " in r for r in reports)
