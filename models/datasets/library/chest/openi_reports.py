"""The reports of Open-i in XML."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelsError

SECTIONS = ("FINDINGS", "IMPRESSION")


@dataclass(frozen=True, slots=True)
class Report:
    """One study.

    Attributes:
        uid: Of the study.
        headings: Major MeSH headings and RadLex terms that people gave it, with qualifiers after slashes.
        text: Findings and impression.
        images: Ids of its images.
    """

    uid: str
    headings: tuple[str, ...]
    text: str
    images: tuple[str, ...]


def read_reports(root: Path) -> Iterator[Report]:
    """Every report below a folder, in order of its number."""
    files = sorted(root.rglob("*.xml"), key=lambda file: (len(file.stem), file.stem))
    return (read_report(file) for file in files)


def read_report(file: Path) -> Report:
    """One report; entities are not expanded.

    Raises:
        ModelsError: The file is no XML.
    """
    from lxml import etree  # noqa: PLC0415  # one of two forms of the data set

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        tree = etree.fromstring(file.read_bytes(), parser)
    except etree.XMLSyntaxError as error:
        raise ModelsError(f"{file} is not valid XML (line {error.lineno}); fetch it again") from error
    texts = {node.get("Label", ""): plain(node.text) for node in tree.iter("AbstractText")}
    number = next((node.get("id", "") for node in tree.iter("uId")), file.stem)
    return Report(
        uid=number.removeprefix("CXR"),
        headings=tuple(plain(node.text) for node in tree.iterfind(".//MeSH/major") if plain(node.text)),
        text="\n\n".join(texts[name] for name in SECTIONS if texts.get(name)),
        images=tuple(node.get("id", "") for node in tree.iter("parentImage") if node.get("id")),
    )


def plain(text: str | None) -> str:
    """Text without the white space of its layout."""
    return " ".join((text or "").split())
