"""What an endpoint was paid, and the budget that is checked before each request."""

import threading
import uuid
from dataclasses import dataclass, fields
from typing import Literal, Protocol

from knowledge.errors import KnowledgeError

Outcome = Literal["answered", "invalid", "garbage", "lost", "refused", "unreachable"]
"""`lost`: sent, and no reply came; whether one was written and is billed, only the server knows."""
PAID: frozenset[Outcome] = frozenset({"answered", "invalid", "garbage", "lost"})
MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a million tokens read and of a million written, in any one currency."""

    prompt: float = 0.0
    completion: float = 0.0

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Of one call."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / MILLION


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds of a run; none where there is no bound.

    Attributes:
        calls: Requests sent, retries among them.
        tokens: Read and written.
        cost: In the currency of the prices.
    """

    calls: int | None = None
    tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request and what came of it.

    Attributes:
        key: Of the reply it was sent for; empty for a probe.
        outcome: What came.
        attempt: 1 for the first request of a call.
        seconds: It took.
        prompt_tokens, completion_tokens: As the server reports them or estimated; 0 where nothing is paid.
        estimated: Whether they are our estimate.
        cost: By the prices of the run.
        served: Model and fingerprint as the reply names them.
    """

    key: str
    outcome: Outcome
    attempt: int
    seconds: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    cost: float = 0.0
    served: str = ""


@dataclass(frozen=True, slots=True)
class Spending:
    """Sums over requests.

    Attributes:
        calls: Requests sent.
        retries: Those that were sent again.
        invalid: Replies that were no answer to what was asked.
        garbage: Replies that did not follow the protocol.
        lost: Requests whose reply never came; they may have been billed.
        prompt_tokens, completion_tokens: Paid.
        estimated_tokens: Of them, those that the server did not report.
        cost: Paid.
    """

    calls: int = 0
    retries: int = 0
    invalid: int = 0
    garbage: int = 0
    lost: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated_tokens: int = 0
    cost: float = 0.0

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.prompt_tokens + self.completion_tokens

    def plus(self, other: "Spending") -> "Spending":
        """Both together."""
        return Spending(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def negative(self) -> "Spending":
        """To be taken away by `plus`."""
        return Spending(*(-getattr(self, each.name) for each in fields(self)))

    def shown(self) -> str:
        """For messages."""
        return f"{self.calls} calls, {self.tokens} tokens, cost {self.cost:.4f}"


def spending_of(request: Request) -> Spending:
    """What one request adds."""
    tokens = request.prompt_tokens + request.completion_tokens
    return Spending(
        calls=1,
        retries=int(request.attempt > 1),
        invalid=int(request.outcome == "invalid"),
        garbage=int(request.outcome == "garbage"),
        lost=int(request.outcome == "lost"),
        prompt_tokens=request.prompt_tokens,
        completion_tokens=request.completion_tokens,
        estimated_tokens=tokens if request.estimated else 0,
        cost=request.cost,
    )


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was set aside for one request, under a ticket of its own."""

    ticket: str
    most: Spending


class Recorder(Protocol):
    """Keeps what is spent beyond the end of the process, however that comes."""

    def reserve(self, ticket: str, most: Spending) -> None:
        """A request is about to be sent."""
        ...

    def settle(self, ticket: str, request: Request) -> None:
        """It has ended."""
        ...


class BudgetSpentError(KnowledgeError):
    """The next request would go beyond the budget."""


class Ledger:
    """Sums what is spent, from all threads, and refuses a request that would go beyond the budget.

    A request reserves the most that it can cost before it is sent. Where that much is left only if other
    requests turn out cheaper, it waits for them.

    Args:
        budget: Bounds.
        prices: Of tokens.
        already: What the run has spent in earlier processes.
        record: Keeps each request, from before it is sent.
    """

    def __init__(
        self,
        *,
        budget: Budget | None = None,
        prices: Prices | None = None,
        already: Spending | None = None,
        record: Recorder | None = None,
    ) -> None:
        self.budget = budget or Budget()
        self.prices = prices or Prices()
        self._spent = already or Spending()
        self._reserved = Spending()
        self._record = record
        self._change = threading.Condition()

    @property
    def spent(self) -> Spending:
        """Of the run so far."""
        with self._change:
            return self._spent

    def reserve(self, prompt_tokens: int, completion_tokens: int) -> Reservation:
        """Set aside what a request may cost at most.

        Raises:
            BudgetSpentError: So much is not left.
        """
        wanted = Spending(
            calls=1,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost=self.prices.cost(prompt_tokens, completion_tokens),
        )
        with self._change:
            while bound := self._exceeded(self._spent.plus(self._reserved).plus(wanted)):
                if self._reserved.calls == 0:
                    raise BudgetSpentError(
                        f"The budget of {bound} leaves no room for another call of the language model "
                        f"({self._spent.shown()} so far); raise it and run again: "
                        "the replies so far are kept and not paid again."
                    )
                self._change.wait()
            self._reserved = self._reserved.plus(wanted)
        reservation = Reservation(uuid.uuid4().hex, wanted)
        try:
            if self._record:
                self._record.reserve(reservation.ticket, wanted)
        except BaseException:
            self._give_back(reservation)
            raise
        return reservation

    def settle(self, reserved: Reservation, request: Request) -> None:
        """Put what a request did cost in the place of what was set aside, and keep the request."""
        self._give_back(reserved, spending_of(request))
        if self._record:
            self._record.settle(reserved.ticket, request)

    def _give_back(self, reserved: Reservation, paid: Spending | None = None) -> None:
        with self._change:
            self._reserved = self._reserved.plus(reserved.most.negative())
            self._spent = self._spent.plus(paid or Spending())
            self._change.notify_all()

    def _exceeded(self, total: Spending) -> str | None:
        budget, slack = self.budget, 1e-9
        if budget.calls is not None and total.calls > budget.calls:
            return f"{budget.calls} calls"
        if budget.tokens is not None and total.tokens > budget.tokens:
            return f"{budget.tokens} tokens"
        if budget.cost is not None and total.cost > budget.cost + slack:
            return f"cost {budget.cost:g}"
        return None
