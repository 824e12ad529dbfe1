"""docs/configuration.md, made from the configuration's own fields."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipelines.config import Config, Section

HEAD = """# Configuration

One TOML file describes a run. Paths are relative to the file, unknown keys are errors. `knobo init my.toml`
writes a commented start. `[[name]]` is repeated, once for each item.

| setting | type | default | meaning |
| --- | --- | --- | --- |
"""
NAMES: dict[type, str] = {str: "text", Path: "path"}
"""Types whose own names say less."""


def settings() -> Iterator[tuple[str, str, str, str]]:
    """Path, type, default and sentence of every setting; what several kinds of a section share comes once."""
    yield from dict.fromkeys(of_section(Config, ""))


def of_section(section: type[Section], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """Settings of a section, sections within it after its own fields."""
    inner: list[tuple[type[Section], str]] = []
    for name, field in section.model_fields.items():
        below = sections_within(field.annotation)
        if not below:
            kind = type_name(field.annotation, field.metadata)
            yield f"{prefix}{name}", kind, default_text(field), field.description or ""
        repeated = get_origin(field.annotation) is tuple
        inner += [(section, f"{prefix}{name}[]." if repeated else f"{prefix}{name}.") for section in below]
    for within, path in inner:
        yield from of_section(within, path)


def sections_within(annotation: Any) -> list[type[Section]]:
    """The sections that an annotation holds: alone, optional, repeated, or one of several kinds."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for part in get_args(annotation) for section in sections_within(part)]


def type_name(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """As a reader of TOML would say it, bounds included: `int, at least 1, or none`."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return type_name(inner, [*metadata, *flat(more)])
    if get_origin(annotation) in {Union, UnionType}:
        *first, last = (part for part in get_args(annotation) if part is not NoneType)
        assert not first, "a setting has one type, or none"
        inner_name = type_name(last, metadata)
        return f"{inner_name}{',' if ', ' in inner_name else ''} or none"
    bounds = [bound for bound in map(bound_name, metadata) if bound]
    if get_origin(annotation) is tuple:
        each = type_name(get_args(annotation)[0])
        if bounds or "," in each:
            return ", ".join(["list", *bounds, f"each {each}"])
        return f"list of {each}"
    return ", ".join([plain_name(annotation), *bounds])


def flat(metadata: Sequence[Any]) -> list[Any]:
    """What an annotation carries, that of its `Field` in place of the `Field`."""
    return [each for item in metadata for each in (item.metadata if isinstance(item, FieldInfo) else [item])]


def plain_name(annotation: Any) -> str:
    """A type without bounds."""
    if get_origin(annotation) is None:
        return NAMES.get(annotation) or str(annotation.__name__)
    if get_origin(annotation) is Literal:
        values = [f"`{value}`" for value in get_args(annotation)]
        return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
    return f"table of {type_name(get_args(annotation)[1])}"


def bound_name(bound: Any) -> str:
    """What a value must keep to; nothing for checks that say so themselves."""
    match bound:
        case object(ge=least):
            return f"at least {least}"
        case object(gt=below):
            return f"above {below}"
        case object(le=most):
            return f"at most {most}"
        case object(min_length=1):
            return "not empty"
        case object(pattern=str(pattern)):
            return f"like `{pattern}`"
        case _:
            return ""


def default_text(field: FieldInfo) -> str:
    """The default as TOML would hold it, text without quotation marks; `required` where there is none."""
    match field.default:
        case value if value is PydanticUndefined:
            return "required"
        case None:
            return "none"
        case bool(value):
            return str(value).lower()
        case tuple(values):
            return f"[{', '.join(values)}]"
        case "":
            return '""'
        case value:
            return str(value)


def configuration_page() -> str:
    """The whole page."""
    rows = ("| " + " | ".join(map(cell, (f"`{path}`", *rest))) + " |" for path, *rest in settings())
    return HEAD + "\n".join(rows) + "\n"


def cell(text: str) -> str:
    """Of a table: on one line, and nothing in it that would begin the next cell."""
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    print(configuration_page(), end="")  # noqa: T201 - the page goes to standard output
