"""A group of verbs that reads anything else as the argument of one of them."""

from typing import Any, ClassVar

from typer.core import TyperGroup


class DefaultVerb(TyperGroup):
    """`group X` stands for `group <verb> X` where X is no verb of the group."""

    verb: ClassVar[str] = ""

    @classmethod
    def to(cls, verb: str) -> type["DefaultVerb"]:
        """A group whose default is this verb."""
        return type(f"DefaultVerb_{verb}", (cls,), {"verb": verb})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the verb before arguments that begin with none."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = [self.verb, *args]
        return super().parse_args(ctx, args)
