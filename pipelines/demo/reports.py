"""Reports of the demo images, worded as clinicians word them: hedges, negations, lists, omissions."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from pipelines.demo.cases import Case, Placement, Subject
from pipelines.demo.raster import stream

_OMITTED = 0.05
_HEDGED = 0.25
_ASIDE = 0.02
_ABSENT_SHARE = (0.3, 0.7)
_GENERAL = ("openings", "closings", "all_normal", "asides", "list_absent")


@dataclass(frozen=True, slots=True)
class Wording:
    """Phrasings of one finding.

    Attributes:
        present: Sentences that state it.
        hedged: Sentences that state it with reserve.
        absent: Sentences that deny it.
        name: Its name in a list of what is absent.
    """

    present: tuple[str, ...]
    hedged: tuple[str, ...]
    absent: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """All phrasings of a modality.

    Attributes:
        findings: Wording by finding id.
        openings: First sentences.
        closings: Last sentences.
        all_normal: Summaries where nothing is found.
        asides: Rare remarks on the picture itself.
        list_absent: Sentences that deny several findings at once.
    """

    findings: Mapping[str, Wording]
    openings: tuple[str, ...]
    closings: tuple[str, ...]
    all_normal: tuple[str, ...]
    asides: tuple[str, ...]
    list_absent: tuple[str, ...]


@cache
def load_phrases(name: str) -> Phrasebook:
    """The phrasebook of a modality: `chest` or `skin`."""
    path = files("pipelines.demo").joinpath("phrases", f"{name}.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    wording = {
        finding: Wording(tuple(t["present"]), tuple(t["hedged"]), tuple(t["absent"]), str(t["name"]))
        for finding, t in table.items()
        if isinstance(t, dict)
    }
    return Phrasebook(findings=wording, **{key: tuple(table[key]) for key in _GENERAL})


def write_report(case: Case, subject: Subject) -> str:
    """The report of one case: what is there, some of what is not, about one finding in twenty forgotten."""
    book, rng = load_phrases(subject.name), stream(case.image_seed, "report")
    told = [f for f in case.findings if rng.random() >= _OMITTED]
    stated = [_state(rng, book.findings[f], case.findings[f]) for f in told]
    denied = _deny(rng, book, [kind.id for kind in subject.findings if kind.id not in case.findings])
    if not case.findings and rng.random() < 0.6:
        stated.append(_choose(rng, book.all_normal))
    body = [*stated, *denied]
    if rng.random() < 0.5:
        body = [body[i] for i in rng.permutation(len(body))]
    aside = [_choose(rng, book.asides)] if rng.random() < _ASIDE else []
    parts = [_choose(rng, book.openings), *body, *aside, _choose(rng, book.closings)]
    return " ".join(part for part in parts if part)


def _state(rng: np.random.Generator, wording: Wording, place: Placement) -> str:
    sentence = _choose(rng, wording.hedged if rng.random() < _HEDGED else wording.present)
    grade = min(2, int(3 * place.extent))
    size = ("small", "moderate", "large")[grade]
    return sentence.format(
        side=place.side,
        Side=place.side.title(),
        zone=place.zone,
        size=size,
        Size=size.title(),
        degree=("mildly", "moderately", "markedly")[grade],
        millimetres=round(12 + 14 * place.extent),
    )


def _deny(rng: np.random.Generator, book: Phrasebook, absent: list[str]) -> list[str]:
    """Sentences that deny a good part of the absent findings, some in one list, the others one by one."""
    share = rng.uniform(*_ABSENT_SHARE)
    chosen = [f for f in (absent[i] for i in rng.permutation(len(absent))) if rng.random() < share]
    listed = int(rng.integers(2, 5)) if len(chosen) > 3 and rng.random() < 0.75 else 0
    sentences = [_choose(rng, book.findings[f].absent) for f in chosen[listed:]]
    if listed:
        names = _join(rng, [book.findings[f].name for f in chosen[:listed]])
        sentences.insert(0, _choose(rng, book.list_absent).format(list=names))
    return sentences


def _join(rng: np.random.Generator, names: list[str]) -> str:
    last = ", or " if len(names) > 2 and rng.random() < 0.3 else " or "
    return ", ".join(names[:-1]) + last + names[-1]


def _choose(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]
