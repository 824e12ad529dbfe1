from pathlib import Path

import pytest
from lxml import html as lxml_html

from knowledge.concepts import Evidence
from knowledge.passages import Passage
from knowledge.sources.credit import UsedSource, credit_lines
from models.evaluation.audit import AuditReport, AuditRow
from pipelines.config import FileSource, LiteratureSource, QuerySource
from pipelines.fetched import Fetched
from pipelines.report import render_markdown
from pipelines.report.concept_view import CONTEXT, quotation
from pipelines.report.credit_view import literature_credit
from pipelines.report.html import environment


def _passage(name: str, license_: str, locator: str = "a.md", text: str = "Text.") -> Passage:
    return Passage(f"{name}/x#1", "T", text, name, license_, locator)


def test_all_pubmed_sources_share_one_line_with_date_copyright_and_no_endorsement() -> None:
    sources = [
        UsedSource("recent", "pubmed_query", ("abstract",), "2026-11-23"),
        UsedSource("handbook", "markdown", ("Apache-2.0",)),
        UsedSource("archive", "pubmed_bulk", ("abstract",)),
    ]
    pubmed, handbook = credit_lines(sources)
    for words in (
        "courtesy of the U.S. National Library of Medicine",
        "neither reviewed nor endorsed this report",
        "recent (as of 2026-11-23), archive (of the day on which its files were fetched)",
        "copyright of their publishers",
        "only short quotes and PMIDs are shown",
    ):
        assert words in pubmed
    assert handbook == "handbook. Licence: Apache-2.0."


def test_without_pubmed_nobody_but_the_sources_is_named() -> None:
    lines = credit_lines(
        [UsedSource("a", "epub", ("CC BY 4.0", "CC BY 3.0")), UsedSource("b", "pdf", ("unknown",))]
    )
    assert lines == ("a. Licence: CC BY 3.0, CC BY 4.0.", "b. Licence: unknown; ask its owner before reuse.")
    assert credit_lines([UsedSource("c", "pmc_nxml", ("CC0 1.0",))]) == (
        "c, from PubMed Central, each article under its own licence. Licence: CC0 1.0.",
    )


def test_licences_are_those_of_the_quoted_passages_and_dates_those_of_the_fetch(tmp_path: Path) -> None:
    sources: list[LiteratureSource] = [
        QuerySource(name="query", kind="pubmed_query", query="lung", email="a@example.org"),
        FileSource(name="files", kind="pubmed_xml", path=tmp_path),
        FileSource(name="book", kind="html", path=tmp_path, license="own"),
        FileSource(name="other", kind="epub", path=tmp_path, license="own"),
    ]
    quoted = [_passage("book", "CC BY 4.0"), _passage("book", "CC BY 3.0")]
    pubmed, book, other = literature_credit(sources, quoted, [Fetched("query", 5, "2026-11-20", "x")])
    assert "query (as of 2026-11-20), files (of the day on which its files were fetched)" in pubmed
    assert (book, other) == ("book. Licence: CC BY 3.0, CC BY 4.0.", "other. Licence: own.")


def test_the_credit_stands_in_audit_md_and_in_the_page() -> None:
    row = AuditRow("knobo", "age", "in_domain", "accuracy", 0.8, 0.7, 0.9, 50, 5)
    audit = AuditReport(rows=(row,), paired=(), checks=(), notes=())
    text = render_markdown(audit, credits=("book. Licence: <own> & more.",))
    assert text.endswith("## Literature\n\n- book. Licence: <own> & more.\n")
    assert "## Literature" not in render_markdown(audit)

    def page(*lines: str) -> str:
        template = environment().get_template("literature.jinja")
        return template.render(report={"credits": lines}, sources=[], rejections=[])

    listed = lxml_html.fromstring(page("book. Licence: <own> & more.")).find(".//ul[@class='credit']/li")
    assert listed is not None
    assert listed.text == "book. Licence: <own> & more."
    assert "Credit" not in page()


@pytest.mark.parametrize(
    ("locator", "whole"), [("PMID 29768149, RESULTS", False), ("lungs.md, Pleura", True)]
)
def test_of_an_abstract_only_the_words_around_a_quote_are_shown(locator: str, whole: bool) -> None:
    text = "before " * 100 + "The quote." + " after" * 100
    evidence = Evidence("s/x#1", "The quote.", 700)
    found = quotation(evidence, {"s/x#1": _passage("s", "NLM", locator, text)})
    if whole:
        assert found.before + found.quote + found.after == text
        return
    assert found.before.startswith("… before")
    assert found.after.endswith("after …")
    assert len(found.before) <= CONTEXT + 2 >= len(found.after)
    assert found.before.removeprefix("… ") + found.quote + found.after.removesuffix(" …") in text
    assert found.license == "NLM"
