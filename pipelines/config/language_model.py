"""Who writes the questions, and reads the reports where that is wanted."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from knowledge.errors import KnowledgeError
from knowledge.language.endpoint import Budget, Endpoint, Prices
from pipelines.config.section import Section


class EndpointSection(Section):
    """A language model behind the OpenAI protocol: vLLM, Ollama, llama.cpp, or a hosted one."""

    base_url: str
    """Up to and with `/v1`; any address but loopback counts as external (see `external_llm_allowed`)."""
    model: str
    """As the server names it."""
    key_variable: str | None = None
    """Environment variable that holds the key; the key itself never stands in a configuration."""
    protocol: Literal["chat", "completions"] = "chat"
    """`chat` writes questions as JSON and suits tuned models; `completions` continues few-shot text."""
    revision: str = ""
    """Of the weights, where the server does not report one: another revision is asked anew."""
    concurrency: Annotated[int, Field(ge=1)] = 8
    """Calls under way at once."""
    allow_plain_http: bool = False
    """Whether key and prompts may go to another machine unencrypted; loopback needs no leave."""
    timeout: Annotated[float, Field(gt=0)] = 60.0
    """Seconds a call may take."""
    attempts: Annotated[int, Field(ge=1)] = 8
    """Requests for one reply at most, before the run stops."""
    prompt_price: Annotated[float, Field(ge=0)] = 0.0
    """Of a million tokens read, in any currency."""
    completion_price: Annotated[float, Field(ge=0)] = 0.0
    """Of a million tokens written."""
    budget_calls: Annotated[int | None, Field(ge=0)] = None
    """Requests of the whole run at most, retries among them; raise it to go on after it is spent."""
    budget_tokens: Annotated[int | None, Field(ge=0)] = None
    """Tokens of the whole run at most, read and written."""
    budget_cost: Annotated[float | None, Field(ge=0)] = None
    """Cost of the whole run at most, by the two prices."""

    @model_validator(mode="after")
    def _can_be_asked(self) -> "EndpointSection":
        try:
            self.endpoint()
        except KnowledgeError as error:
            raise ValueError(str(error)) from error
        if self.budget_cost is not None and not (self.prompt_price or self.completion_price):
            raise ValueError("budget_cost needs prompt_price and completion_price; give them")
        return self

    def endpoint(self) -> Endpoint:
        """As `knowledge` takes it."""
        return Endpoint(
            base_url=self.base_url,
            model=self.model,
            key_variable=self.key_variable,
            protocol=self.protocol,
            revision=self.revision,
            concurrency=self.concurrency,
            timeout=self.timeout,
            attempts=self.attempts,
            allow_plain_http=self.allow_plain_http,
        )

    def prices(self) -> Prices:
        """Of a million tokens."""
        return Prices(self.prompt_price, self.completion_price)

    def budget(self) -> Budget:
        """Of the run."""
        return Budget(self.budget_calls, self.budget_tokens, self.budget_cost)


class LanguageModelSection(Section):
    """Who writes the questions: local weights, or an endpoint where one is given."""

    weights: str = "smollm2-135m-instruct"
    """Named weights or a folder with a transformers model; not used where there is an endpoint."""
    endpoint: EndpointSection | None = None
    """Asked instead of local weights."""
    replay: Path | None = None
    """A `calls.sqlite` that answers instead, without weights or server; the rest stays as in that run."""

    def meaning(self) -> dict[str, Any]:
        """What replies depend on: not the address, patience, prices or budget."""
        if self.endpoint is None:
            return {"weights": self.weights}
        return {"endpoint": self.endpoint.model_dump(mode="json", include={"model", "protocol", "revision"})}
