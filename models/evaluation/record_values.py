"""Records of audit.json: a line each, and read back with every value of the kind that its field says."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

NAMES: Mapping[Any, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def records_of(kind: type[T], what: str, items: Iterable[Mapping[str, Any]]) -> tuple[T, ...]:
    """A dataclass for every item of a list.

    Args:
        kind: The dataclass.
        what: Name of the list.
        items: Its items.

    Raises:
        TypeError: A field is missing or unknown, or a value is of another kind; NaN is no number.
    """
    kinds, found = get_type_hints(kind), []
    for place, item in enumerate(items, 1):
        where = f"number {place} of {what}"
        if not isinstance(item, dict):
            raise TypeError(f"{where} is {shown(item)}, not an object")
        for name in [name for name in kinds if name in item]:
            require_value(item[name], kinds[name], f"{name} in {where}")
        found.append(
            kind(**{name: tuple(each) if type(each) is list else each for name, each in item.items()})
        )
    return tuple(found)


def require_value(value: object, wanted: Any, where: str) -> None:
    """Refuse a value of another kind, or any such item of a list."""
    if get_origin(wanted) is tuple:
        if not isinstance(value, list):
            raise TypeError(f"{where} is {shown(value)}, not a list")
        for each in value:
            require_value(each, get_args(wanted)[0], where)
    elif get_origin(wanted) is Literal:
        if value not in get_args(wanted):
            raise TypeError(f"{where} is {shown(value)}, not {' or '.join(get_args(wanted))}")
    elif wanted in NAMES and not is_a(value, wanted):
        raise TypeError(f"{where} is {shown(value)}, not {NAMES[wanted]}")


def is_a(value: object, wanted: type) -> bool:
    """Whether JSON means such a value; a whole number is a number, too, and true is none."""
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and is_finite(value)
    return type(value) is wanted


def is_finite(value: float) -> bool:
    """Whether a number exists and is not beyond all others."""
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of more digits than any float has
        return False


def shown(value: object) -> str:
    """A value as it stands in the file, cut short."""
    return json.dumps(value)[:40]


def a_record_a_line(content: Mapping[str, Any]) -> bytes:
    """JSON with a line for each record of each list: small, and what changed shows in a comparison of lines.

    Raises:
        ValueError: A number is not finite.
    """
    parts = []
    for name, value in content.items():
        if isinstance(value, list) and value:
            lines = ",\n".join(f"  {compact(item)}" for item in value)
            parts.append(f" {compact(name)}: [\n{lines}\n ]")
        else:
            parts.append(f" {compact(name)}: {compact(value)}")
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def compact(value: object) -> str:
    """One line of JSON."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
