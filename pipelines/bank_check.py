"""All findings on a run's bank, and the command that would settle each."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.annotation.lexicon import load_lexicon
from knowledge.annotation.table import read_annotations
from knowledge.concepts import Evidence
from knowledge.curation.checks import (
    Finding,
    class_leaks,
    one_sided,
    same_for_all,
    signs_disagree,
    sources,
    weak_quotes,
)
from knowledge.curation.duplicates import near_duplicates, same_answers, same_finding
from knowledge.curation.lookup import short_ids
from pipelines.curation import OpenBank, open_bank
from pipelines.errors import PipelineError
from pipelines.second_source import further_quotes

CITE = "cite {run} {ids} {quote}"
REMEDIES = {
    "class_leak": 'edit {run} {ids} "..."',
    "retracted": CITE,
    "not_verbatim": CITE,
    "unquoted": CITE,
    "unsupported": 'edit {run} {ids} "..."',
    "near_duplicate": "merge {run} {ids}",
    "same_finding": "merge {run} {ids}",
    "same_answers": "merge {run} {ids}",
    "signs_disagree": "show {run} {first}",
    "same_for_all": "sign {run} {ids} CLASS for",
    "one_sided": 'edit {run} {ids} "..."',
    "sole_source": CITE,
}
"""Kinds of findings, gravest first, with the command that settles one."""
ALIKE = ("near_duplicate", "same_finding", "same_answers")


@dataclass(frozen=True, slots=True)
class Advice:
    """A finding, the questions it concerns by short id, and the command that would settle it."""

    finding: Finding
    questions: tuple[tuple[str, str], ...]
    command: str


def check_bank(directory: Path, *, kind: str | None = None) -> list[Advice]:
    """Findings by kind, gravest first.

    Raises:
        PipelineError: No such kind.
    """
    wanted = tuple(REMEDIES) if kind is None else (kind.replace(" ", "_"),)
    if not set(wanted) <= set(REMEDIES):
        raise PipelineError(f"there is no kind of finding {kind!r}; the kinds are {', '.join(REMEDIES)}")
    opened = open_bank(directory)
    pairs = [*alike(opened, ALIKE if "signs_disagree" in wanted else wanted)]
    found = [*single(opened), *pairs, *signs_disagree(pairs, opened.signs, opened.classes)]
    chosen = sorted((each for each in found if each.kind in wanted), key=lambda each: wanted.index(each.kind))
    uncited = {each.concept_ids[0] for each in chosen if REMEDIES[each.kind] == CITE}
    quotes = further_quotes(opened, [each for each in opened.bank if each.id in uncited])
    return [advice(each, opened, quotes) for each in chosen]


def advice(finding: Finding, opened: OpenBank, quotes: Mapping[str, Evidence]) -> Advice:
    """With a command ready to be copied; a quotation that would do is in it."""
    short = short_ids(opened.bank)
    names = [short[each] for each in finding.concept_ids]
    quote = quotes.get(finding.concept_ids[0])
    words = f"{shlex.quote(quote.quote)} --passage {shlex.quote(quote.passage_id)}" if quote else '"..."'
    command = REMEDIES[finding.kind].format(
        run=shlex.quote(str(opened.run.directory)), ids=" ".join(names), first=names[0], quote=words
    )
    questions = [(short[each], opened.bank[each].question) for each in finding.concept_ids]
    return Advice(finding, tuple(questions), f"knobo concepts {command}")


def single(opened: OpenBank) -> Iterator[Finding]:
    """Findings on one concept each."""
    yield from class_leaks(opened.bank, opened.class_terms)
    yield from weak_quotes(opened.bank, opened.passages)
    yield from sources(opened.bank, opened.passages)
    yield from one_sided(opened.bank)
    if opened.signs:
        yield from same_for_all(opened.bank, opened.signs, opened.classes)


def alike(opened: OpenBank, kinds: Sequence[str]) -> Iterator[Finding]:
    """Pairs of concepts that ask the same, by the kinds of likeness wanted."""
    config, answers = opened.run.config, opened.run.path("annotations.parquet")
    if "near_duplicate" in kinds:
        from pipelines.stages.index import question_encoder  # noqa: PLC0415  # torch

        encoder = question_encoder(opened.run)
        yield from near_duplicates(opened.bank, encoder, similarity=config.screening.novelty)
    if "same_finding" in kinds and config.annotation.lexicon:
        yield from same_finding(opened.bank, load_lexicon(*config.annotation.lexicon))
    if "same_answers" in kinds and answers.is_file():
        yield from same_answers(opened.bank, read_annotations(answers))
