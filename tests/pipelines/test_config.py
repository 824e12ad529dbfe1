from pathlib import Path

import pytest

from pipelines.config import Config, load_config
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
