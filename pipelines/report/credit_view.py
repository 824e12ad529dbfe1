"""The credit that a run owes its literature, from its configuration and the passages that it quotes."""

from collections.abc import Iterable, Mapping, Sequence

from knowledge.passages import Passage
from knowledge.sources.credit import UsedSource, credit_lines
from pipelines.config import LiteratureSource
from pipelines.fetched import Fetched


def literature_credit(
    sources: Sequence[LiteratureSource], quoted: Iterable[Passage], fetched: Iterable[Fetched]
) -> tuple[str, ...]:
    """The lines of credit: licences as the quoted passages name them, else as configured."""
    until = {each.name: each.until for each in fetched}
    licenses: dict[str, set[str]] = {}
    for passage in quoted:
        licenses.setdefault(passage.source, set()).add(passage.license)
    return credit_lines(_used(source, licenses, until) for source in sources)


def _used(source: LiteratureSource, licenses: Mapping[str, set[str]], until: Mapping[str, str]) -> UsedSource:
    named = licenses.get(source.name) or {source.license}
    return UsedSource(source.name, source.kind, tuple(sorted(named)), until.get(source.name, ""))
