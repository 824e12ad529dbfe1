import re
from pathlib import Path

import pytest

from pipelines.config import Config, load_config
from pipelines.config.fit import IMAGE_TEXT_METHODS
from pipelines.errors import PipelineError
from pipelines.presets import preset_names, preset_text, write_preset

MINIMAL = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", manifest = "images.csv" }]
splits = [{ name = "plain", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }]
grounding = { datasets = ["images"] }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_configuration_file(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, MINIMAL))
    assert config.literature[0].path == tmp_path / "notes"
    assert config.datasets[0].manifest == tmp_path / "images.csv"


def test_the_shipped_handbook_is_no_path(tmp_path: Path) -> None:
    text = MINIMAL.replace('kind = "text", path = "notes"', 'kind = "markdown", path = "demo-handbook:skin"')
    assert str(load_config(write(tmp_path, text)).literature[0].path) == "demo-handbook:skin"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('name = "small"', "", "name: Field required"),
        ('name = "small"', 'name = "small"\nspeed = 3', "speed: is not a setting"),
        (
            'datasets = ["images"] }\n',
            'datasets = ["pictures"] }\n',
            "names pictures; the configuration has images",
        ),
        (
            'classes = ["normal", "sick"] }',
            'classes = ["normal", "ill"] }',
            "names ill; the configuration has",
        ),
        ('kind = "plain"', 'kind = "confounded"', "needs `attribute`, two `classes`, two `values`"),
        (', manifest = "images.csv"', "", "needs either `manifest` or `folder`"),
        ('kind = "text"', 'kind = "records"', "literature.0.records.fields: Field required"),
        (
            "grounding = {",
            'retrieval = { memory_budget = "banana" }\ngrounding = {',
            "'banana' is not a size of memory",
        ),
        (
            "grounding = {",
            'retrieval = { sources = ["pubmet"] }\ngrounding = {',
            "[retrieval] sources names pubmet",
        ),
        (
            "grounding = {",
            "retrieval = { fusion_constant = -1 }\ngrounding = {",
            "retrieval.fusion_constant: ",
        ),
        ('{ name = "sick" }', '{ name = "normal" }', "class normal is given twice"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in MINIMAL
    with pytest.raises(PipelineError, match=r"^[^\n]*$") as caught:
        load_config(write(tmp_path, MINIMAL.replace(before, after)))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("fit.epochs", "0", "greater than or equal to 1"),
        ("fit.batch", "0", "greater than or equal to 1"),
        ("fit.learning_rate", "-0.01", "greater than 0"),
        ("fit.learning_rate", "inf", "finite"),
        ("fit.prior_weight", "-3", "greater than or equal to 0"),
        ("fit.methods", "[]", "at least 1 item"),
        ("fit.methods", '["knobo", "pcbm", "knobo"]', "knobo is given twice; name each once"),
        ("fine_tune.learning_rate", "0", "greater than 0"),
        ("grounding.C", "-1", "greater than 0"),
        ("grounding.C", "nan", "finite"),
        ("grounding.folds", "1", "greater than or equal to 2"),
        ("grounding.keep", "0", "greater than or equal to 1"),
        ("grounding.minimum_auroc", "-0.1", "greater than or equal to 0"),
        ("grounding.minimum_auroc", "1.5", "less than or equal to 1"),
        ("encoder.stride", "0", "greater than or equal to 1"),
        ("encoder.cells", "0", "greater than or equal to 1"),
        ("encoder.device", '"gpu"', "'gpu' is no device; use auto, cpu, mps, cuda or cuda:1"),
        ("encoder.device", '"cuda:"', "'cuda:' is no device"),
        ("encoder.device", '"cuda:0 "', "'cuda:0 ' is no device"),
        ("erasure.attributes", '["view", "view"]', "view is given twice; name each once"),
        ("audit.replicates", "1", "greater than or equal to 2"),
        ("seed", "-1", "greater than or equal to 0"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(
    tmp_path: Path, setting: str, value: str, message: str
) -> None:
    with pytest.raises(PipelineError, match=r"^[^\n]*$") as caught:
        load_config(write(tmp_path, with_setting(setting, value)))
    assert re.search(rf"\.toml: {re.escape(setting)}: .*{re.escape(message)}", str(caught.value))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fit.prior_weight", "0"),
        ("grounding.minimum_auroc", "1"),
        *(("encoder.device", f'"{name}"') for name in ("auto", "cpu", "mps", "cuda", "cuda:0", "cuda:12")),
    ],
)
def test_values_at_the_edge_are_taken(tmp_path: Path, setting: str, value: str) -> None:
    assert isinstance(load_config(write(tmp_path, with_setting(setting, value))), Config)


def with_setting(setting: str, value: str) -> str:
    """The small configuration with one more setting."""
    if setting.startswith("grounding."):
        return MINIMAL.replace("grounding = {", f"grounding = {{ {setting.partition('.')[2]} = {value},")
    return f"{setting} = {value}\n{MINIMAL}"


NO_FINE_TUNING = "fine_tune.enabled = false"


@pytest.mark.parametrize("method", sorted(IMAGE_TEXT_METHODS))
@pytest.mark.parametrize("kind", ["timm", "untrained", "pixels"])
def test_a_method_that_reads_text_needs_an_encoder_that_may(tmp_path: Path, method: str, kind: str) -> None:
    chosen = f'{NO_FINE_TUNING}\nencoder.kind = "{kind}"\nfit.methods = ["knobo", "{method}"]\n'
    with pytest.raises(PipelineError, match=r"^[^\n]*$") as caught:
        load_config(write(tmp_path, chosen + MINIMAL))
    assert f"[fit] methods names {method}, and an [encoder] of kind {kind} reads no text" in str(caught.value)


@pytest.mark.parametrize("kind", ["transformers", "open_clip"])
def test_an_encoder_that_may_read_text_is_taken(tmp_path: Path, kind: str) -> None:
    chosen = f'{NO_FINE_TUNING}\nencoder.kind = "{kind}"\nfit.methods = ["dot_product", "pcbm_text"]\n'
    assert load_config(write(tmp_path, chosen + MINIMAL)).encoder.kind == kind


UNTRAINABLE = {
    "of kind transformers": 'encoder.kind = "transformers"',
    "of kind open_clip": 'encoder.kind = "open_clip"',
    "of kind untrained": 'encoder.kind = "untrained"',
    "of kind pixels": 'encoder.kind = "pixels"',
    "from the hub": f'encoder.hub = "timm/some"\nencoder.revision = "{"0" * 40}"',
}


@pytest.mark.parametrize("what", list(UNTRAINABLE))
def test_fine_tuning_of_what_cannot_be_trained_is_refused_at_once(tmp_path: Path, what: str) -> None:
    with pytest.raises(PipelineError, match=r"^[^\n]*$") as caught:
        load_config(write(tmp_path, f"{UNTRAINABLE[what]}\n{MINIMAL}"))
    assert f"[fine_tune] cannot train an [encoder] {what}; set enabled = false in [fine_tune]" in str(
        caught.value
    )


@pytest.mark.parametrize("what", list(UNTRAINABLE))
@pytest.mark.parametrize("remedy", [NO_FINE_TUNING, 'fine_tune.weights = "efficientnet-lite0"'])
def test_what_the_refusal_of_fine_tuning_proposes_is_taken(tmp_path: Path, what: str, remedy: str) -> None:
    text = f"{UNTRAINABLE[what]}\n{remedy}\n{MINIMAL}"
    assert isinstance(load_config(write(tmp_path, text)), Config)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="not valid TOML"):
        load_config(write(tmp_path, "name = "))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"absent\.toml cannot be read"):
        load_config(tmp_path / "absent.toml")


@pytest.mark.parametrize("name", [*preset_names(), "demo-chest-xray", "demo-skin"])
def test_every_preset_is_valid(tmp_path: Path, name: str) -> None:
    assert isinstance(load_config(write(tmp_path, preset_text(name))), Config)


def test_a_preset_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    write_preset("xray", path)
    with pytest.raises(PipelineError, match="exists"):
        write_preset("xray", path)


def test_an_unknown_preset_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="choose from skin, xray"):
        write_preset("brain", tmp_path / "my.toml")


def test_every_setting_has_its_sentence() -> None:
    from pipelines.config_reference import settings

    assert [path for path, _, _, sentence in settings() if not sentence] == []


@pytest.mark.parametrize(
    ("setting", "found"), [('runner.kind = "spark"', "not 'spark'"), ("runner.workers = 0", "not 0")]
)
def test_a_value_outside_of_what_is_allowed_is_told(tmp_path: Path, setting: str, found: str) -> None:
    with pytest.raises(PipelineError, match=rf"runner\.\w+: Input should be .*, {found}$"):
        load_config(write(tmp_path, f"{setting}\n{MINIMAL}"))
