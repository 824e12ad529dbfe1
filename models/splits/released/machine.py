"""A machine that follows the instructions of a pickle as far as they build a dict, a list or a str.

A pickle is a program. This machine has no instruction that names a class, calls a function or nests deeper,
and refers back to nothing but texts; it stops at the first byte that asks for more.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

MAXIMUM_STEPS = 3_000_000  # three instructions a path are what a split file needs
LATEST_PROTOCOL = 5

Lists: TypeAlias = dict[str, list[str]]


class Mark:
    """Where the items of a list or dictionary begin on the stack."""


class Container:
    """Stands in the memo for a list or a dictionary, which may not be referred to."""


Item: TypeAlias = str | list[str] | Lists | Mark


class NotPlainError(Exception):
    """What in the bytes is not a dictionary of lists of text; only `read_plain_pickle` sees it."""


@dataclass(slots=True)
class Machine:
    """The bytes, the place in them, and what was built so far."""

    data: bytes
    place: int = 0
    stack: list[Item] = field(default_factory=list)
    memo: dict[int, str | Container] = field(default_factory=dict)

    def run(self) -> Lists:
        """Follow the instructions to their end."""
        for _ in range(MAXIMUM_STEPS):
            code = self.take(1)
            if code == STOP:
                return self.result()
            if code not in INSTRUCTIONS:
                raise NotPlainError(f"byte {self.place - 1} asks for something else (instruction {code!r})")
            INSTRUCTIONS[code](self)
        raise NotPlainError(f"it has more than {MAXIMUM_STEPS:,} instructions")

    def result(self) -> Lists:
        """The dictionary, where nothing else is left."""
        if self.place != len(self.data):
            raise NotPlainError(f"{len(self.data) - self.place} bytes follow its end")
        if len(self.stack) != 1 or not isinstance(self.stack[0], dict):
            raise NotPlainError("it does not end with one dictionary")
        return self.stack[0]

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count > len(self.data) - self.place:
            raise NotPlainError(f"it is cut off after {len(self.data)} bytes")
        taken = self.data[self.place : self.place + count]
        self.place += count
        return taken

    def number(self, width: int) -> int:
        """An unsigned number of some bytes."""
        return int.from_bytes(self.take(width), "little")

    def line(self) -> bytes:
        """The bytes up to the end of the line, as protocol 0 writes its arguments."""
        end = self.data.find(b"\n", self.place)
        if end < 0:
            raise NotPlainError(f"it is cut off after {len(self.data)} bytes")
        taken = self.data[self.place : end]
        self.place = end + 1
        return taken

    def line_number(self) -> int:
        """A number written out on a line."""
        digits = self.line()
        if not digits.isdigit() or len(digits) > 9:
            raise NotPlainError(f"byte {self.place} does not follow a number")
        return int(digits)

    def pop(self) -> Item:
        """The topmost item."""
        if not self.stack:
            raise NotPlainError(f"byte {self.place} takes from nothing")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Item]:
        """The items above the last mark, which goes too."""
        items: list[Item] = []
        while not isinstance(item := self.pop(), Mark):
            items.append(item)
        return items[::-1]

    def top_list(self) -> list[str]:
        """The list on top of the stack."""
        if not self.stack or not isinstance(self.stack[-1], list):
            raise NotPlainError(f"byte {self.place} appends to what is no list")
        return self.stack[-1]

    def top_dictionary(self) -> Lists:
        """The dictionary on top of the stack."""
        if not self.stack or not isinstance(self.stack[-1], dict):
            raise NotPlainError(f"byte {self.place} adds an entry to what is no dictionary")
        return self.stack[-1]

    def append(self, items: list[Item]) -> None:
        """Lengthen the topmost list."""
        target = self.top_list()
        for item in items:
            if not isinstance(item, str):
                raise NotPlainError(f"byte {self.place} puts something into a list that is no text")
            target.append(item)

    def enter(self, items: list[Item]) -> None:
        """Add keys and values, in turn, to the topmost dictionary."""
        target = self.top_dictionary()
        if len(items) % 2:
            raise NotPlainError(f"byte {self.place} has a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str) or not isinstance(value, list):
                raise NotPlainError(f"byte {self.place} makes an entry other than text with a list")
            if key in target:
                raise NotPlainError(f"the key {key[:40]!r} occurs twice")
            target[key] = value

    def push_text(self, data: bytes, encoding: str = "utf-8") -> None:
        """A text; one that could not be written back as UTF-8 is refused."""
        try:
            text = data.decode(encoding)
            text.encode()
        except UnicodeError:
            raise NotPlainError(f"the text before byte {self.place} is not UTF-8") from None
        self.stack.append(text)

    def remember(self, place: int) -> None:
        """Keep the topmost item under a number; of a container only that it was one."""
        if not self.stack or isinstance(self.stack[-1], Mark):
            raise NotPlainError(f"byte {self.place} remembers nothing")
        item = self.stack[-1]
        self.memo[place] = item if isinstance(item, str) else Container()

    def recall(self, place: int) -> None:
        """Put a remembered text on the stack again."""
        item = self.memo.get(place)
        if not isinstance(item, str):
            raise NotPlainError(f"byte {self.place} refers to something that is no text")
        self.stack.append(item)

    def protocol(self) -> None:
        """The version with which a pickle opens."""
        version = self.number(1)
        if version > LATEST_PROTOCOL:
            raise NotPlainError(f"it is of protocol {version}")

    def frame(self) -> None:
        """The length of what follows; a hint to readers of streams."""
        if self.number(8) > len(self.data) - self.place:
            raise NotPlainError(f"it is cut off after {len(self.data)} bytes")


def new_list(machine: Machine) -> None:
    """A list of what lies above the mark."""
    items = machine.pop_to_mark()
    machine.stack.append([])
    machine.append(items)


def new_dictionary(machine: Machine) -> None:
    """A dictionary of what lies above the mark."""
    items = machine.pop_to_mark()
    machine.stack.append({})
    machine.enter(items)


def enter_one(machine: Machine) -> None:
    """Add the two topmost items to the dictionary below them."""
    value, key = machine.pop(), machine.pop()
    machine.enter([key, value])


STOP = b"."
INSTRUCTIONS: dict[bytes, Callable[[Machine], None]] = {
    b"\x80": Machine.protocol,
    b"\x95": Machine.frame,
    b"(": lambda machine: machine.stack.append(Mark()),
    b"}": lambda machine: machine.stack.append({}),
    b"]": lambda machine: machine.stack.append([]),
    b"d": new_dictionary,
    b"l": new_list,
    b"a": lambda machine: machine.append([machine.pop()]),
    b"e": lambda machine: machine.append(machine.pop_to_mark()),
    b"s": enter_one,
    b"u": lambda machine: machine.enter(machine.pop_to_mark()),
    b"\x8c": lambda machine: machine.push_text(machine.take(machine.number(1))),
    b"X": lambda machine: machine.push_text(machine.take(machine.number(4))),
    b"\x8d": lambda machine: machine.push_text(machine.take(machine.number(8))),
    b"V": lambda machine: machine.push_text(machine.line(), "raw_unicode_escape"),
    b"\x94": lambda machine: machine.remember(len(machine.memo)),
    b"q": lambda machine: machine.remember(machine.number(1)),
    b"r": lambda machine: machine.remember(machine.number(4)),
    b"p": lambda machine: machine.remember(machine.line_number()),
    b"h": lambda machine: machine.recall(machine.number(1)),
    b"j": lambda machine: machine.recall(machine.number(4)),
    b"g": lambda machine: machine.recall(machine.line_number()),
}
