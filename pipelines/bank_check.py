"""All findings on a run's bank, and the command that would settle each."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from knowledge.annotation.lexicon import load_lexicon
from knowledge.annotation.table import read_annotations
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

REMEDIES = {
    "class_leak": 'edit {run} {ids} "..."',
    "retracted": 'cite {run} {ids} "..."',
    "not_verbatim": 'cite {run} {ids} "..."',
    "unquoted": 'cite {run} {ids} "..."',
    "unsupported": 'edit {run} {ids} "..."',
    "near_duplicate": "merge {run} {ids}",
    "same_finding": "merge {run} {ids}",
    "same_answers": "merge {run} {ids}",
    "signs_disagree": "show {run} {first}",
    "same_for_all": "sign {run} {ids} CLASS for",
    "one_sided": 'edit {run} {ids} "..."',
    "sole_source": 'cite {run} {ids} "..."',
}
"""Kinds of findings, gravest first, with the command that settles one."""
ALIKE = ("near_duplicate", "same_finding", "same_answers")


def check_bank(directory: Path, *, kind: str | None = None) -> tuple[list[Finding], Mapping[str, str]]:
    """Findings by kind, gravest first, and the short id of every concept.

    Raises:
        PipelineError: No such kind.
    """
    wanted = tuple(REMEDIES) if kind is None else (kind.replace(" ", "_"),)
    if not set(wanted) <= set(REMEDIES):
        raise PipelineError(f"there is no kind of finding {kind!r}; the kinds are {', '.join(REMEDIES)}")
    opened = open_bank(directory)
    pairs = [*alike(opened, ALIKE if "signs_disagree" in wanted else wanted)]
    once = {each.concept_ids: each for each in pairs}.values()
    found = [*single(opened), *pairs, *signs_disagree(once, opened.signs, opened.classes)]
    chosen = [each for each in found if each.kind in wanted]
    return sorted(chosen, key=lambda each: wanted.index(each.kind)), short_ids(opened.bank)


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
        from pipelines.stages.index import passage_encoder  # noqa: PLC0415  # torch

        encoder = passage_encoder(opened.run)
        yield from near_duplicates(opened.bank, encoder, similarity=config.screening.novelty)
    if "same_finding" in kinds and config.annotation.lexicon:
        yield from same_finding(opened.bank, load_lexicon(*config.annotation.lexicon))
    if "same_answers" in kinds and answers.is_file():
        yield from same_answers(opened.bank, read_annotations(answers))


def remedy(finding: Finding, run: Path, short: Mapping[str, str]) -> str:
    """The command that settles a finding, ready to be copied."""
    ids = [short[name] for name in finding.concept_ids]
    words = REMEDIES[finding.kind].format(run=run, ids=" ".join(ids), first=ids[0])
    return f"knobo concepts {words}"
