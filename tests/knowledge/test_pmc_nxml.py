import gzip
import re
from pathlib import Path

import pytest

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section, chunk
from knowledge.sources.pmc_nxml import read_pmc_nxml

HEAD = (
    '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.0 20120330//EN" "JATS.dtd">\n'
    '<article xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mml="http://www.w3.org/1998/Math/MathML" '
    'xmlns:ali="http://www.niso.org/schemas/ali/1.0/" article-type="{kind}">'
)
MATHS = "<inline-formula><mml:math>{}</mml:math></inline-formula>"
CC = "http://creativecommons.org/licenses"


def _article(
    body: str = "<p>Text.</p>",
    *,
    kind: str = "research-article",
    ids: str = '<article-id pub-id-type="pmid">7</article-id>',
    meta: str = "",
    title: str = "A title",
) -> str:
    return (
        HEAD.format(kind=kind)
        + f"<front><article-meta>{ids}<title-group><article-title>{title}</article-title></title-group>{meta}"
        f"</article-meta></front><body>{body}</body><back><ack><p>Thanks.</p></ack><ref-list><title>References"
        "</title><ref><mixed-citation>Cited work</mixed-citation></ref></ref-list></back></article>"
    )


def _license(statement: str) -> str:
    return f"<license><license-p>{statement}</license-p></license>"


def _read(path: Path, *, license_: str = "unknown") -> list[Document]:
    return list(read_pmc_nxml(path, source="pmc", license=license_))


def _one(tmp_path: Path, article: str, *, license_: str = "unknown") -> Document:
    path = tmp_path / "a.nxml"
    path.write_text(article, encoding="utf-8")
    (document,) = _read(path, license_=license_)
    return document


def test_abstract_and_body_become_sections_under_the_path_of_their_headings(tmp_path: Path) -> None:
    document = _one(
        tmp_path,
        _article(
            "<p>Before.</p><sec><title>Methods</title><p>We did.</p><sec><title>Patients</title><p>Many.</p>"
            "<list><list-item><p>One</p></list-item><list-item><p>Two</p></list-item></list></sec></sec>"
            "<sec><title>Results</title><p>They lived.</p></sec>",
            meta="<abstract><sec><title>Aim</title><p>Why.</p></sec></abstract>"
            '<abstract abstract-type="graphical"><p>Picture.</p></abstract>'
            '<pub-date pub-type="epub"><year>2013</year></pub-date>'
            '<pub-date pub-type="ppub"><year>2012</year></pub-date>'
            '<pub-date pub-type="nihms-submitted"><year>2011</year></pub-date>',
        ),
    )
    assert document == Document(
        "pmid:7",
        "A title",
        (
            Section("Abstract > Aim", "Why."),
            Section("", "Before."),
            Section("Methods", "We did."),
            Section("Methods > Patients", "Many.\n\nOne\n\nTwo"),
            Section("Results", "They lived."),
        ),
        "pmc",
        "unknown",
        year=2012,
    )
    assert chunk(document)[-1].locator == "PMID 7, Results"


def test_what_nobody_can_quote_is_left_out(tmp_path: Path) -> None:
    document = _one(
        tmp_path,
        _article(
            "<sec><title>Results</title><p>Seen<fn><p>Foot</p></fn> in <xref ref-type='fig'>Figure 1</xref>."
            "<disp-formula><mml:math><mml:mi>E</mml:mi></mml:math></disp-formula></p>"
            "<table-wrap><label>Table 1</label><caption><p>Cells</p></caption>"
            "<table><tr><td>12</td></tr></table></table-wrap><fig>"
            "<caption><title>Chest film.</title><p>An effusion.</p></caption>"
            "<graphic xlink:href='g1'/></fig></sec>"
            "<sec><title>Competing interests</title><p>None.</p></sec>"
            "<sec sec-type='supplementary-material'><title>Extra</title><p>File</p></sec>",
        ),
    )
    assert document.sections == (Section("Results", "Seen in Figure 1.\n\nChest film.\n\nAn effusion."),)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("deadly <xref ref-type='bibr'>[1]</xref>, <xref ref-type='bibr'>[2]</xref>. So", "deadly. So"),
        ("deadly [<xref ref-type='bibr'>1</xref>–<xref ref-type='bibr'>3</xref>] now", "deadly now"),
        ("deadly.<sup><xref ref-type='bibr'>1</xref>,<xref ref-type='bibr'>2</xref></sup> So", "deadly. So"),
        ("by <xref ref-type='bibr'>Smith (2010)</xref>, it", "by Smith (2010), it"),
        ("10<sup>9</sup> cells, m<sup>2</sup>", "10^9 cells, m2"),
        (f"{MATHS.format('<mml:mi>p</mml:mi><mml:mo>&lt;</mml:mo><mml:mn>0.05</mml:mn>')} now", "p<0.05 now"),
        (f"x {MATHS.format('<mml:msup><mml:mn>10</mml:mn><mml:mn>9</mml:mn></mml:msup>')} here", "x here"),
        ("<italic>H. <bold>pylori</bold></italic> and CO<sub>2</sub>", "H. pylori and CO2"),
    ],
)
def test_text_reads_on_where_marks_and_markup_stood(tmp_path: Path, written: str, read: str) -> None:
    assert _one(tmp_path, _article(f"<p>{written}</p>")).sections[0].text == read


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (f'<license xlink:href="{CC}/by/2.0"><license-p>Open.</license-p></license>', "CC BY 2.0"),
        (_license(f'See <ext-link xlink:href="{CC}/by-nc-nd/4.0/">x</ext-link>'), "CC BY-NC-ND 4.0"),
        (f"<license><ali:license_ref>{CC}/by-nc/4.0/</ali:license_ref></license>", "CC BY-NC 4.0"),
        (f"<ali:license_ref>{CC}/by-sa/4.0/</ali:license_ref>", "CC BY-SA 4.0"),
        (_license("Under the Creative Commons Attribution Non-Commercial License 3.0."), "CC BY-NC 3.0"),
        (_license("the Creative Commons Attribution License, which permits use"), "CC BY"),
        (_license("the Creative Commons CC0 public domain dedication"), "CC0"),
        ('<license xlink:href="http://creativecommons.org/publicdomain/zero/1.0/"/>', "CC0 1.0"),
        (_license("Elsevier user licence."), "Elsevier user licence."),
        ("<copyright-statement>© 2012</copyright-statement>", "as configured"),
    ],
)
def test_the_licence_is_the_article_s_own(tmp_path: Path, statement: str, expected: str) -> None:
    article = _article(meta=f"<permissions>{statement}</permissions>")
    assert _one(tmp_path, article, license_="as configured").license == expected


@pytest.mark.parametrize(
    ("ids", "identity"),
    [
        (
            '<article-id pub-id-type="pmc">3460867</article-id><article-id pub-id-type="pmid">9</article-id>',
            "pmid:9",
        ),
        ('<article-id pub-id-type="pmc">3460867</article-id>', "PMC3460867"),
        ('<article-id pub-id-type="pmcid">PMC3460867</article-id>', "PMC3460867"),
        ('<article-id pub-id-type="doi">10.1/x</article-id>', "doi:10.1/x"),
        ("", "a.nxml"),
    ],
)
def test_an_article_is_known_by_its_best_id(tmp_path: Path, ids: str, identity: str) -> None:
    assert _one(tmp_path, _article(ids=ids)).id == identity


def test_a_notice_marks_the_article_that_it_names_and_is_left_out(tmp_path: Path) -> None:
    doi = '<article-id pub-id-type="doi">10.1/{}</article-id>'
    (tmp_path / "a.nxml").write_text(_article(ids=doi.format("X")))
    (tmp_path / "b.nxml").write_text(_article(ids=doi.format("y")))
    names = '<related-article related-article-type="retracted-article" xlink:href="10.1/x"/>'
    (tmp_path / "c.nxml").write_text(_article(kind="retraction", ids=doi.format("z"), meta=names))
    assert {document.id: document.retracted for document in _read(tmp_path)} == {
        "doi:10.1/X": True,
        "doi:10.1/y": False,
    }


@pytest.mark.parametrize(
    "article",
    [
        _article(title="RETRACTED: A cure"),
        _article(kind="retracted-article"),
        _article(meta='<related-article related-article-type="retraction-forward" xlink:href="10.1/x"/>'),
    ],
)
def test_a_retracted_article_says_so_itself(tmp_path: Path, article: str) -> None:
    assert _one(tmp_path, article).retracted


def test_sets_folders_and_gzip_are_read_and_the_last_version_counts(tmp_path: Path) -> None:
    bare = re.sub(r"<!DOCTYPE[^>]*>", "", _article("<p>Old.</p>"))
    other = re.sub(r"<!DOCTYPE[^>]*>", "", _article(ids='<article-id pub-id-type="pmid">8</article-id>'))
    (tmp_path / "set.xml").write_text(f"<pmc-articleset>{bare}{other}</pmc-articleset>")
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "PMC7.2.nxml.gz").write_bytes(gzip.compress(_article("<p>New.</p>").encode()))
    assert {document.id: document.sections[0].text for document in _read(tmp_path)} == {
        "pmid:7": "New.",
        "pmid:8": "Text.",
    }


def test_entities_of_the_file_are_neither_expanded_nor_fetched(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("SECRET")
    entity = f'<!DOCTYPE article [<!ENTITY x SYSTEM "{(tmp_path / "secret.txt").as_uri()}">'
    laughs = '<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;">]>'
    article = entity + laughs + _article("<p>Is &x; and &m; safe?</p>").split("\n", 1)[1]
    text = _one(tmp_path, article).sections[0].text
    assert "SECRET" not in text
    assert "lol" not in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_article()[:400], "is not well-formed XML"),
        ("<html><body>Not found</body></html>", "holds no article"),
        ("", "is not well-formed XML"),
    ],
)
def test_a_file_that_is_no_article_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bad.nxml").write_text(content)
    with pytest.raises(KnowledgeError, match=rf"bad\.nxml.*{message}"):
        _read(tmp_path)
