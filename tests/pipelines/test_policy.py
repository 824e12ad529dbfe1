import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.errors import ModelsError
from models.evaluation.report import AuditReport, AuditRow
from pipelines.cli import app
from pipelines.errors import PipelineError
from pipelines.policy import CheckRule, NumberRule, Policy, judge, load_policy

CHECKS = (
    ("one", "patient_overlap", True, "none of 90 patients is in two parts"),
    ("two", "patient_overlap", False, "4 images have no patient id"),
)


def row(
    split: str, value: float, *, domain: str = "shifted", metric: str = "accuracy", group: str = ""
) -> AuditRow:
    return AuditRow("knobo", split, domain, metric, value, value - 0.04, value + 0.04, 100, 5, group)


ROWS = (
    row("one", 0.70),
    row("two", 0.60),
    row("mean", 0.65),
    row("mean", 0.15, domain="gap"),
    row("one", 0.50, metric="worst_group_accuracy", group="sex=F"),
    row("one", 0.50, group="sex=F"),
)
AUDIT = AuditReport(rows=ROWS, paired=(), checks=CHECKS, notes=())


CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", manifest = "images.csv" }]
splits = [{ name = "one", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }]
grounding = { datasets = ["images"] }
"""


def run_of(directory: Path, *rows: AuditRow) -> None:
    """A finished run of one split with these numbers."""
    directory.mkdir(exist_ok=True)
    (directory / "config.toml").write_text(CONFIG)
    AuditReport(rows=rows, paired=(), checks=CHECKS, notes=()).save(directory / "audit.json")


@pytest.fixture
def two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` and `before` with the same numbers, and a policy, in the working directory."""
    monkeypatch.chdir(tmp_path)
    policy(tmp_path, "[[number]]\nat_least = 0.1")
    for name in ("run", "before"):
        run_of(tmp_path / name, row("one", 0.7), row("two", 0.6), row("one", 0.8, metric="auroc"))


def policy(tmp_path: Path, text: str) -> Policy:
    (tmp_path / "policy.toml").write_text(text)
    return load_policy(tmp_path / "policy.toml")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("at_least = 0.65", [True]),
        ("at_least = 0.66", [False]),
        ("at_least = 0.65\ninterval = true", [False]),
        ("at_least = 0.61\ninterval = true", [True]),
        ('split = "*"\nat_least = 0.65', [True, False]),
        ('split = "two"\nat_most = 0.59', [False]),
        ('domain = "gap"\nat_most = 0.15', [True]),
        ('domain = "gap"\nat_most = 0.15\ninterval = true', [False]),
        ('split = "one"\nmetric = "worst_group_accuracy"\nat_least = 0.51', [False]),
        ('split = "one"\ngroup = "sex=F"\nat_least = 0.5\nat_most = 0.5', [True, True]),
        ('split = "two"\nmetric = "worst_group_accuracy"\nat_least = 0.1', [False]),  # it was not measured
    ],
)
def test_a_limit_holds_or_not(tmp_path: Path, rule: str, expected: list[bool]) -> None:
    found = judge(policy(tmp_path, f"[[number]]\n{rule}"), AUDIT, previous=None)
    assert [each.passed for each in found] == expected


def test_a_number_may_not_fall_below_the_interval_before(tmp_path: Path) -> None:
    rules = policy(tmp_path, '[[number]]\nsplit = "*"\nnot_worse_than_previous = true')
    assert [each.passed for each in judge(rules, AUDIT, previous=None)] == [True, True]
    found = judge(rules, AUDIT, previous=(row("one", 0.73), row("two", 0.65)))
    assert [each.passed for each in found] == [True, False]
    assert found[1].found == "0.600, previously 0.650 (0.610 to 0.690)"
    assert [each.passed for each in judge(rules, AUDIT, previous=(row("one", 0.73),))] == [True, False]


@pytest.mark.parametrize("limit", ["at_least = 0.1", "at_most = 1", "not_worse_than_previous = true"])
def test_a_number_that_does_not_exist_holds_to_no_rule(tmp_path: Path, limit: str) -> None:
    rules = policy(tmp_path, f'[[number]]\nsplit = "one"\n{limit}')
    known, unknown = row("one", 0.7), row("one", float("nan"))
    audit = AuditReport(rows=(unknown,), paired=(), checks=(), notes=())
    assert [each.passed for each in judge(rules, audit, previous=(known,))] == [False]
    (found,) = judge(rules, AUDIT, previous=(unknown,))
    assert found.passed == ("not_worse" not in limit)


@pytest.mark.parametrize("value", ["NaN", "null", '"0.9"'])
@pytest.mark.parametrize("words", [["run"], ["run", "--policy", "policy.toml"], ["run", "before"]])
def test_an_audit_with_a_value_that_is_no_number_is_refused_in_a_sentence(
    tmp_path: Path, value: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    policy(tmp_path, "[[number]]\nnot_worse_than_previous = true")
    for name in ("run", "before"):
        run_of(tmp_path / name, row("one", 0.814))
    path = tmp_path / "run" / "audit.json"
    path.write_text(path.read_text().replace('"value":0.814', f'"value":{value}'))
    with pytest.raises(ModelsError, match=f"is damaged .* is {value}, not a number.*; run the audit again"):
        CliRunner().invoke(app, ["audit", *words], catch_exceptions=False)


def test_checks_must_pass_where_they_are_asked_for(tmp_path: Path) -> None:
    everywhere = policy(tmp_path, '[[check]]\nname = "patient_overlap"')
    assert [each.passed for each in judge(everywhere, AUDIT, previous=None)] == [True, False]
    single = policy(tmp_path, '[[check]]\nname = "patient_overlap"\nsplit = "one"')
    assert [each.passed for each in judge(single, AUDIT, previous=None)] == [True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no rule"),
        ("[[number]]\nmetric = 'auroc'", "limits nothing: give `at_least`"),
        ("[[number]]\nat_leest = 1", r"number\.0\.at_leest: is not a setting; see docs/audit\.md"),
        ("[[number]", "is not valid TOML"),
        ("[number]\nat_least = 0.5", r"write `\[\[number\]\]`, not `\[number\]`"),
        ("[check]\nname = 'patient_overlap'", r"write `\[\[check\]\]`, not `\[check\]`"),
        ("[[number]]\nat_least = '0.6'", r"number\.0\.at_least: Input should be a valid number"),
        ("[[number]]\nat_least = true", r"number\.0\.at_least: Input should be a valid number"),
        (
            "[[number]]\nat_least = 0.6\ninterval = 'true'",
            r"number\.0\.interval: Input should be a valid bool",
        ),
        ("[[number]]\nat_least = 0.6\ninterval = 1", r"number\.0\.interval: Input should be a valid bool"),
        (
            "[[number]]\nat_least = 0.8\nat_most = 0.6",
            "no accuracy keeps both limits: `at_least` is 0.8, above `at_most`, 0.6; exchange them",
        ),
        ("[[number]]\nat_least = 60", "accuracy lies between 0 and 1, and `at_least` is 60"),
        ("[[number]]\ndomain = 'gap'\nat_most = 20", "accuracy lies between -1 and 1, and `at_most` is 20"),
    ],
)
def test_a_policy_that_says_nothing_sensible_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        policy(tmp_path, text)


@pytest.mark.parametrize(
    "rule",
    [
        "at_least = 0",
        "at_least = 1\nat_most = 1",
        "domain = 'gap'\nat_least = -0.1",
        "metric = 'calibration_slope'\nat_most = 1.5",
        "metric = 'brier'\nat_most = 1.5",  # of three classes or more it may be
    ],
)
def test_whole_numbers_and_limits_that_can_be_kept_are_taken(tmp_path: Path, rule: str) -> None:
    assert len(policy(tmp_path, f"[[number]]\n{rule}").number) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[[number]]\nmetric = 'acuracy'\nat_least = 0.1",
            "names the metric 'acuracy'; the audit has accuracy",
        ),
        ("[[number]]\nsplit = 'three'\nat_least = 0.1", "names the split 'three'"),
        (
            "[[number]]\nmetric = 'brier_uncertainty'\nnot_worse_than_previous = true",
            "no way is the better one",
        ),
        (
            "[[number]]\nsplit = 'one'\nmetric = 'auroc'\ngroup = 'sex=F'\nnot_worse_than_previous = true",
            "the history keeps accuracy, .* of groups, not auroc",
        ),
        ("[[number]]\nmetric = 'equalised_odds_difference'\nat_most = 0.1", "without an attribute; name one"),
        ("[[check]]\nname = 'overlap'", "names the check 'overlap'; the audit has patient_overlap"),
        ("[[check]]\nname = 'patient_overlap'\nsplit = 'three'", "names the split 'three'"),
    ],
)
def test_a_misspelt_rule_never_passes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        judge(policy(tmp_path, text), AUDIT, previous=None)


def test_the_exit_status_is_that_of_the_policy(tmp_path: Path) -> None:
    for name, value in (("run", 0.65), ("before", 0.75)):
        (tmp_path / name).mkdir()
        AuditReport(rows=(row("one", value),), paired=(), checks=(), notes=()).save(
            tmp_path / name / "audit.json"
        )
    policy(tmp_path, "[[number]]\nat_least = 0.6\nnot_worse_than_previous = true")
    runner, rules = CliRunner(), str(tmp_path / "policy.toml")
    fallen = runner.invoke(
        app, ["audit", str(tmp_path / "run"), "--policy", rules, "--previous", str(tmp_path / "before")]
    )
    assert fallen.exit_code == 1
    assert "1 of 2 rules hold" in fallen.output
    risen = runner.invoke(
        app,
        ["audit", str(tmp_path / "before"), "--policy", rules, "--previous", str(tmp_path / "run"), "--json"],
    )
    assert risen.exit_code == 0
    assert '"passed": true' in risen.output


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--policy", "policy.toml", "--split", "one"], "leave --split and --metric out"),
        (["run", "--policy", "policy.toml", "--metric", "yyy"], "leave --split and --metric out"),
        (["run", "before", "--json", "--metric", "typo"], "has no metric 'typo'; it has accuracy, auroc"),
        (["run", "before", "--json", "--split", "typo"], "has no split 'typo'; it has one, two"),
        (["run", "--json", "--metric", "typo"], "has no metric 'typo'"),
    ],
)
def test_a_choice_that_would_choose_nothing_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        CliRunner().invoke(app, ["audit", *words], catch_exceptions=False)


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize("runs", [["run"], ["run", "before"]])
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], {("one", "accuracy"), ("two", "accuracy"), ("one", "auroc")}),
        (["--metric", "auroc"], {("one", "auroc")}),
        (["--split", "one"], {("one", "accuracy"), ("one", "auroc")}),
        (["--split", "one", "--metric", "accuracy"], {("one", "accuracy")}),
    ],
)
def test_json_holds_the_split_and_metric_that_were_chosen(
    runs: list[str], words: list[str], wanted: set[tuple[str, str]]
) -> None:
    told = CliRunner().invoke(app, ["audit", *runs, *words, "--json"], catch_exceptions=False).output
    assert {(each["split"], each["metric"]) for each in json.loads(told)["rows"]} == wanted
    if runs == ["run"]:
        whole = (Path("run") / "audit.json").read_text("utf-8")
        assert (told == whole) == (not words)
        assert {each["split"] for each in json.loads(told)["checks"]} == {
            "one" if "--split" in words else split for split in ("one", "two")
        }


def test_the_page_shows_a_policy_that_loads_and_names_every_setting(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(policy(tmp_path, example).number) == 4
    named = set(re.findall(r"`(\w+)`", page))
    assert {*NumberRule.model_fields, *CheckRule.model_fields} <= named
