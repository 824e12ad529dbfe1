"""What each run has paid to endpoints: set aside before a request is sent, settled when it has ended."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict

from knowledge.language.endpoint.ledger import Request, Spending

ACCOUNTS = (
    """
    create table if not exists requests (
        account text not null,
        key text not null,
        at text not null default current_timestamp,
        outcome text not null,
        attempt integer not null,
        seconds real not null,
        prompt_tokens integer not null,
        completion_tokens integer not null,
        estimated integer not null,
        cost real not null,
        served text not null
    )
    """,
    "create index if not exists requests_by_account on requests (account)",
    """
    create table if not exists reservations (
        ticket text primary key,
        account text not null,
        prompt_tokens integer not null,
        completion_tokens integer not null,
        cost real not null
    ) without rowid
    """,
)
SPENT = """
select count(*), coalesce(sum(attempt > 1), 0), coalesce(sum(outcome = 'invalid'), 0),
    coalesce(sum(outcome = 'garbage'), 0), coalesce(sum(outcome = 'lost'), 0),
    coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),
    coalesce(sum(estimated * (prompt_tokens + completion_tokens)), 0), coalesce(sum(cost), 0.0)
from (
    select attempt, outcome, prompt_tokens, completion_tokens, estimated, cost
    from requests where account = :account
    union all
    select 1, 'lost', prompt_tokens, completion_tokens, 1, cost from reservations where account = :account
)
"""
"""A reservation that was never settled is that of a killed process: its request may have been billed."""
RESERVE = """
insert into reservations values (:ticket, :account, :prompt_tokens, :completion_tokens, :cost)
"""
RECORD = """
insert into requests (
    account, key, outcome, attempt, seconds, prompt_tokens, completion_tokens, estimated, cost, served
) values (
    :account, :key, :outcome, :attempt, round(:seconds, 4), :prompt_tokens, :completion_tokens, :estimated,
    :cost, :served
)
"""


class Account:
    """Keeps requests under the name of who pays, each committed at once.

    Args:
        name: Who pays.
        transaction: Begins one on the database of the call log.
    """

    def __init__(
        self, name: str, transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]
    ) -> None:
        self.name = name
        self._transaction = transaction

    def reserve(self, ticket: str, most: Spending) -> None:
        """Before a request is sent: what it may cost."""
        with self._transaction() as database:
            database.execute(RESERVE, asdict(most) | {"ticket": ticket, "account": self.name})

    def settle(self, ticket: str, request: Request) -> None:
        """What it did cost, in the place of what was reserved."""
        with self._transaction() as database:
            database.execute("delete from reservations where ticket = ?", (ticket,))
            database.execute(RECORD, asdict(request) | {"account": self.name})
