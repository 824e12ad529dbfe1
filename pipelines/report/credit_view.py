"""The credit that a run owes its literature, from its configuration and the passages that it quotes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

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
    when = until.get(source.name, "")
    if not when and source.kind == "pubmed_xml":
        when = last_change(source.path)
    return UsedSource(source.name, source.kind, tuple(sorted(named)), when)


def last_change(path: Path) -> str:
    """Day on which the newest of the files was written, in UTC; empty where there is none."""
    files = [path] if path.is_file() else [each for each in path.rglob("*.xml*") if each.is_file()]
    newest = max((file.stat().st_mtime for file in files), default=None)
    return "" if newest is None else datetime.fromtimestamp(newest, UTC).date().isoformat()
