"""docs/configuration.md, made from the configuration's own fields."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipelines.config import Config, Section

HEAD = """# Configuration

One TOML file describes a run. Paths are relative to the file, unknown keys are errors. `knobo init my.toml`
writes a commented start. `[[name]]` is repeated, once for each item.

| setting | type | default | meaning |
| --- | --- | --- | --- |
"""


def settings() -> Iterator[tuple[str, str, str, str]]:
    """Path, type, default and sentence of every setting; what several kinds of a section share comes once."""
    yield from dict.fromkeys(of_section(Config, ""))


def of_section(section: type[Section], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """Settings of a section, sections within it after its own fields."""
    inner: list[tuple[type[Section], str]] = []
    for name, field in section.model_fields.items():
        below = sections_within(field.annotation)
        if not below:
            yield f"{prefix}{name}", type_name(field.annotation), default_text(field), field.description or ""
        repeated = get_origin(field.annotation) is tuple
        inner += [(section, f"{prefix}{name}[]." if repeated else f"{prefix}{name}.") for section in below]
    for within, path in inner:
        yield from of_section(within, path)


def sections_within(annotation: Any) -> list[type[Section]]:
    """The sections that an annotation holds: alone, optional, repeated, or one of several kinds."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for part in get_args(annotation) for section in sections_within(part)]


def type_name(annotation: Any) -> str:
    """As a reader of TOML would say it."""
    text = (
        annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)
    )
    for before, after in (("typing.", ""), ("pathlib.", ""), ("Literal", "one of "), (" | None", "")):
        text = text.replace(before, after)
    return text.replace("|", "or")


def default_text(field: FieldInfo) -> str:
    """The default as TOML-like text; `required` where there is none."""
    if field.default is PydanticUndefined:
        return "required"
    return "none" if field.default is None else str(field.default).replace("|", "or")


def configuration_page() -> str:
    """The whole page."""
    rows = (f"| `{path}` | {kind} | {default} | {text} |" for path, kind, default, text in settings())
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(configuration_page(), end="")  # noqa: T201 - the page goes to standard output
