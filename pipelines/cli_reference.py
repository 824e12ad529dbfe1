"""docs/cli.md, made from the command line's own help."""

from collections.abc import Iterator
from typing import Any

import typer

HEAD = """# Command line

Every verb takes `--help`; those that print a table take `--json`. A mistake in what you give ends with one
sentence and exit code 2.
"""


def verbs(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every verb below a group, with its words, in the order of `--help`."""
    for name, inner in getattr(command, "commands", {}).items():
        words = f"{path} {name}"
        if getattr(inner, "commands", None):
            yield from verbs(inner, words)
        else:
            yield words, inner


def verb_section(words: str, command: Any) -> str:
    """Usage, sentence and settings of one verb."""
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [each for each in shown if each.param_type_name == "argument"]
    options = [each for each in shown if each.param_type_name == "option"]
    usage = " ".join([words, *map(placeholder, arguments)])
    rows = [*(argument_row(each) for each in arguments), *(option_row(each) for each in options)]
    table = "\n| | |\n| --- | --- |\n" + "\n".join(rows) + "\n" if rows else ""
    return f"\n## `{usage}`\n\n{' '.join((command.help or '').split())}\n{table}"


def placeholder(argument: Any) -> str:
    """How usage names an argument; brackets where it may be left out."""
    name: str = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def argument_row(argument: Any) -> str:
    """One line of the table."""
    return f"| `{placeholder(argument)}` | {argument.help or ''} |"


def option_row(option: Any) -> str:
    """One line of the table; a default is named where there is one to choose."""
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    plain = not option.is_flag and option.default not in {None, ""} and not callable(option.default)
    default = f" (default {option.default})" if plain else ""
    return f"| {names} | {option.help or ''}{default} |"


def cli_page() -> str:
    """The whole page."""
    from pipelines.cli import app  # noqa: PLC0415  # the command line knows this page's text only through tests

    command = typer.main.get_command(app)
    return HEAD + "".join(verb_section(words, each) for words, each in verbs(command, "knobo"))


if __name__ == "__main__":
    print(cli_page(), end="")  # noqa: T201 - the page goes to standard output
