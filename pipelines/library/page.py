"""docs/data_sets.md, made from the facts of the data sets."""

from collections.abc import Iterable
from importlib.resources import files

from models.datasets.library import ClassCount, Facts, all_data_sets

TABLE = """
| name | images of | images | patients | access | licence |
| --- | --- | --- | --- | --- | --- |
"""


def row(facts: Facts) -> str:
    """One line of the table."""
    cells = [facts.name, facts.modality, number(facts.images), number(facts.patients), facts.access]
    return f"| {' | '.join([*cells, facts.licence])} |"


def section(facts: Facts) -> str:
    """All that is known of one set."""
    lines = [
        ("Layout", facts.layout),
        ("Classes", counts(facts.classes)),
        ("Findings", "the classes" if facts.findings == facts.classes else counts(facts.findings)),
        ("Attributes", ", ".join(f"`{name}`" for name in facts.attributes)),
        ("Reports", reports(facts)),
        ("Terms", facts.terms),
        ("Cite", facts.citation),
        ("Page", f"<{facts.url}>"),
        ("Notes", facts.notes),
    ]
    told = "\n".join(f"- {name}: {text}" for name, text in lines if text)
    return f"\n### {facts.name}\n\n{facts.title}.\n\n{told}\n"


def reports(facts: Facts) -> str:
    """Whether there are any, and whether they may leave."""
    if not facts.has_reports:
        return ""
    return f"yes; `external_llm_allowed = {str(facts.external_llm_allowed).lower()}`"


def counts(classes: Iterable[ClassCount]) -> str:
    """Names with published numbers where these were verified."""
    return ", ".join(f"{each.name} {number(each.images)}".strip() for each in classes)


def number(count: int | None) -> str:
    """A count, empty where it was not verified."""
    return "" if count is None else f"{count:,}"


def data_sets_page() -> str:
    """The whole page."""
    found = [each.facts for each in all_data_sets()]
    table = "".join(f"{row(facts)}\n" for facts in found)
    head = files(__package__).joinpath("page_head.md").read_text("utf-8")
    return head + TABLE + table + "".join(section(facts) for facts in found)


if __name__ == "__main__":
    print(data_sets_page(), end="")  # noqa: T201 - the page goes to standard output
