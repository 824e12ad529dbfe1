"""What a server can do, found out by asking it: documentation and HTTP status say too little.

A server may take a parameter and ignore it (vLLM does so with those it does not know), so each ability counts
only when a reply shows it.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from knowledge.language.endpoint.choosing import option_of
from knowledge.language.endpoint.client import Client, RefusalError
from knowledge.language.endpoint.wire import Chat, Completions, Dialect, Question, Reply
from knowledge.language.shapes import Record, ShapeError, WholeNumber, parse

TOPS = (20, 5)
"""First tokens asked for; some servers give no more than 5."""
REVISIONS = ("root", "revision", "version", "sha", "digest", "quantization")
"""Fields of /v1/models that name weights; `created` is the time of the request with some servers."""
PROBE_SHAPE = Record({"number": WholeNumber()})


@dataclass(frozen=True, slots=True)
class Abilities:
    """What was found.

    Attributes:
        revision: As the server reports it; empty where it reports none.
        top: First tokens it lists with probabilities; 0 where it lists none that are of use.
        schema: Whether the schema of a reply binds it, is taken and ignored, or is refused.
        limit: The parameter that bounds a reply.
    """

    revision: str = ""
    top: int = 0
    schema: Literal["enforced", "ignored", "refused"] = "refused"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"

    def dialect(self, client: Client) -> Dialect:
        """How this server is to be asked."""
        kind = Chat if client.endpoint.protocol == "chat" else Completions
        return kind(client.endpoint.model, limit=self.limit, enforce=self.schema != "refused")


def probe(client: Client) -> Abilities:
    """Ask a server what it can do, in three to five short calls.

    Raises:
        KnowledgeError: It does not answer, or refuses the key or the model.
    """
    found = Abilities(revision=served_revision(client))
    question = Question("Is snow white? Answer yes or no.\nAnswer:", "Reply with one word.", max_tokens=4)
    try:
        client.ask(found.dialect(client), question, _anything)
    except RefusalError as refusal:
        if refusal.fault.parameter != "max_tokens":
            raise
        found = replace(found, limit="max_completion_tokens")
        client.ask(found.dialect(client), question, _anything)
    found = replace(found, top=_tops(client, found, question))
    return replace(found, schema=_schema(client, found))


def _anything(reply: Reply) -> Reply:
    return reply


def _tops(client: Client, found: Abilities, question: Question) -> int:
    for top in TOPS:
        try:
            reply = client.ask(found.dialect(client), replace(question, max_tokens=1, top=top), _anything)
        except RefusalError as refusal:
            if not refusal.of_request:
                raise
            continue
        return top if any(option_of(token, ("yes", "no")) is not None for token, _ in reply.top) else 0
    return 0


def _schema(client: Client, found: Abilities) -> Literal["enforced", "ignored", "refused"]:
    """A schema that contradicts the prompt binds the reply or it does not."""
    if client.endpoint.protocol != "chat":
        return "refused"
    question = Question("Write the word snow and nothing else.", max_tokens=24, shape=PROBE_SHAPE)
    try:
        reply = client.ask(replace(found, schema="enforced").dialect(client), question, _anything)
        parse(reply.text, PROBE_SHAPE)
    except RefusalError as refusal:
        if not refusal.of_request:
            raise
        return "refused"
    except ShapeError:
        return "ignored"
    return "enforced"


def served_revision(client: Client) -> str:
    """What /v1/models says of the weights; servers without that list report none."""
    value: Any = client.models()
    entries = value.get("data") if isinstance(value, dict) else None
    named = [
        entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and entry.get("id") == client.endpoint.model
    ]
    said = [(name, named[0].get(name)) for name in REVISIONS] if named else []
    return ";".join(f"{name}={value}" for name, value in said if isinstance(value, str) and value)
