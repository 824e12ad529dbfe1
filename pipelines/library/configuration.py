"""The configuration that goes with a prepared data set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from models.datasets.library import Facts, ImageColumns
from pipelines.library.earlier import joining_section, prepared_section, teaches
from pipelines.library.words import Words, literature_section, modality_of, reading_sections, words_of

NORMAL = frozenset({"normal", "no finding", "no_finding"})
GENERAL = frozenset({"abnormal", "has finding", "has_finding"})
MOST_VALUES = 20  # an attribute of more values is hardly a domain
PLACEHOLDER = {"name": "reports", "manifest": "grounding.csv", "image": "image", "report": ["report"]}


@dataclass(frozen=True, slots=True)
class Shift:
    """The split that a configuration asks for.

    Attributes:
        name: What follows the name of the data set in that of the split; empty for a plain one.
        classes: In the order of the values that go with them.
        settings: Of the split, beside its name, data sets and classes.
        columns: Columns that it needs of every data set that has them.
    """

    name: str
    classes: tuple[str, ...]
    settings: Mapping[str, Any]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is written.

    Attributes:
        text: TOML that `knobo run` reads; one section to paste where there is nothing to tell apart.
        lacks: What a user has to put in before a run, a sentence each.
    """

    text: str
    lacks: tuple[str, ...] = ()


def configuration_of(
    facts: Facts,
    columns: ImageColumns,
    *,
    manifest: Path,
    shift: Shift | None,
    reports: Path | None = None,
    beside: Path | None = None,
) -> Configuration:
    """The configuration for a prepared set.

    Args:
        facts: Of the data set.
        columns: Its images at hand.
        manifest: Their table.
        shift: The split; None for a set without two classes.
        reports: Folder of a prepared set whose reports ground the concepts.
        beside: Folder of a prepared set whose images join the split.
    """
    section = data_set_section(facts, columns, manifest)
    if shift is None:
        head = "# Fewer than two classes: a section for another configuration, whose concepts it grounds."
        return Configuration("\n".join([head, credit(facts), "", tomli_w.dumps({"datasets": [section]})]))
    joining = [] if beside is None else [joining_section(beside, manifest.parent, shift.columns)]
    named = [*section["attributes"], *(name for name in shift.columns if name in columns.by_name())]
    section["attributes"] = list(dict.fromkeys(named))
    audited, grounding, remark = with_grounding(section, reports, manifest.parent)
    modality = modality_of(facts, columns)
    words = words_of(modality)
    lacks = lacking(modality, words, grounding)
    whole: dict[str, Any] = {
        "name": f"{facts.name}-audit",
        "modality": modality or "medical image",
        "classes": [class_section(name) for name in shift.classes],
        "literature": [literature_section(words)],
        "datasets": [audited, *joining, grounding],
        "splits": [split_section([audited["name"], *(each["name"] for each in joining)], shift)],
        **({} if words is None else reading_sections(words)),
        "grounding": {"datasets": [grounding["name"]]},
    }
    command = f"# Prepared from {facts.title}: knobo run {facts.name}.toml"
    told = [f"# {each}" for each in lacks]
    return Configuration("\n".join([command, credit(facts), remark, *told, "", tomli_w.dumps(whole)]), lacks)


def lacking(modality: str, words: Words | None, grounding: Mapping[str, Any]) -> tuple[str, ...]:
    """What has to be put in by hand, a sentence each."""
    lacks: list[str] = []
    if not modality:
        lacks.append("Nothing tells what the images are: put it into modality.")
    if words is None:
        lacks.append(
            "No handbook is shipped for such images: put documents into the folder literature or name others."
        )
    if grounding == PLACEHOLDER:
        lacks.append(
            "The images have no reports: grounding.csv is a placeholder; name a data set that has, or "
            "prepare one first and give its folder with --reports."
        )
    return tuple(lacks)


def credit(facts: Facts) -> str:
    """Where the images come from and on what terms, as a comment."""
    lines = [f"Licence: {facts.licence}", f"Terms: {facts.terms}", f"Cite: {facts.citation}"]
    return "\n".join(f"# {' '.join(line.split())}" for line in lines)


def data_set_section(facts: Facts, columns: ImageColumns, manifest: Path) -> dict[str, Any]:
    """The set as the configuration names it, with the attributes that may serve as domain."""
    section: dict[str, Any] = {"name": facts.name, "manifest": manifest.name, "id": "id"}
    if any(columns.label):
        section["label"] = "label"
    if any(columns.patient):
        section["patient"] = "patient"
    if len(columns.report):
        section |= {"report": ["report"], "external_llm_allowed": facts.external_llm_allowed}
    elif signs := signs_of(facts):
        section["expert_columns"] = [sign_section(name) for name in signs]
    return section | {"attributes": domains_of(columns.attributes)} | frontal_alone(columns.attributes)


def signs_of(facts: Facts) -> list[str]:
    """Findings that are no class of the set and so may serve as concepts."""
    classes = {each.name for each in facts.classes}
    names = [each.name for each in facts.findings]
    return names if classes and not classes & set(names) else []


def sign_section(name: str) -> dict[str, Any]:
    """A column in which someone said whether a sign is there."""
    question = f"Is there {name.replace('_', ' ').lower()}?"
    return {"column": name, "question": question, "yes": ["1"], "no": ["0"]}


def frontal_alone(attributes: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A filter that leaves lateral X-rays out, for a set that has both."""
    wanted = {"projection": {"Frontal", "Lateral"}, "view": {"PA", "AP", "LL"}}
    for name, both in wanted.items():
        if both <= set(attributes.get(name, ())):
            return {"where": {name: sorted(both - {"Lateral", "LL"})}}
    return {}


def domains_of(attributes: Mapping[str, Sequence[str]]) -> list[str]:
    """Attributes with two values or more, and not too many."""
    values = {name: {value for value in column if value} for name, column in attributes.items()}
    return [name for name, there in values.items() if 2 <= len(there) <= MOST_VALUES]


def with_grounding(
    section: dict[str, Any], reports: Path | None, folder: Path
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The set that is audited, the set whose reports ground the concepts, and a remark on the latter.

    A set with reports of its own gives one half of its patients to either purpose.
    """
    if reports is not None:
        return (
            section,
            prepared_section(reports, folder, section["name"]),
            "# Concepts are learnt from another set.",
        )
    if teaches(section):
        mine = {**section, "half": "second"}
        mine.pop("expert_columns", None)
        theirs = {**section, "name": f"{section['name']}-concepts", "half": "first"}
        theirs.pop("label", None)
        remark = "# Half of the patients ground the concepts by their reports"
        if "report" not in section:
            remark = "# Half of the patients ground the concepts by their signs (drop what no eye sees)"
        return mine, theirs, f"{remark}; the other half is audited."
    return section, dict(PLACEHOLDER), "# Concepts are learnt from images with reports or signs."


def class_section(name: str) -> dict[str, Any]:
    """A class, marked where its name says that there is no disease, or any."""
    marks = {"normal": name.lower() in NORMAL, "general": name.lower() in GENERAL}
    return {"name": name, **{key: True for key, set_ in marks.items() if set_}}


def split_section(datasets: Sequence[str], shift: Shift) -> dict[str, Any]:
    """The split over one data set or several."""
    name = "-".join(part for part in ("-".join(datasets), shift.name) if part)
    return {"name": name, "datasets": list(datasets), "classes": list(shift.classes), **shift.settings}
