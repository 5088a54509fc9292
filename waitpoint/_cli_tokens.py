# ruff: noqa: T201 (a command prints)
"""`waitpoint tokens …`: everything a client can do, for people by default and for scripts with `--json`."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from waitpoint._cli_output import (
    add_filters,
    given,
    json_in,
    minute,
    moment,
    parser_of,
    print_facts,
    print_table,
    request_in,
    shown,
)
from waitpoint._clients import Waitpoint
from waitpoint._values import Settlement, Token, Unanswered

DONE, REFUSED = 0, 1


def main(argv: Sequence[str]) -> int:
    """Run one command against the server in `WAITPOINT_URL`."""
    options = _parser().parse_args(argv)
    with Waitpoint(url=options.url) as client:
        code: int = options.run(client, options)
        return code


def create(client: Waitpoint, options: argparse.Namespace) -> int:
    wanted = given(
        timeout=options.timeout,
        idempotency_key=options.idempotency_key,
        idempotency_key_ttl=options.idempotency_key_ttl,
        tags=options.tag,
        request=request_in(options.request),
    )
    if options.timeout == "never":
        wanted["timeout"] = None
    token = client.tokens.create(**wanted)
    if options.json:
        return _print_json(token)
    print_facts(
        {
            "id": token.id,
            "answer it at": token.approval_url,
            "callback URL": token.url,
            "public access token": token.public_access_token,
            "note": "This token existed before: the idempotency key is the same." if token.is_cached else None,
        }
    )
    return DONE


def list_(client: Waitpoint, options: argparse.Namespace) -> int:
    filters = given(
        status=options.status,
        tags=options.tag,
        idempotency_key=options.idempotency_key,
        period=options.period,
        created_from=options.created_from,
        created_to=options.created_to,
    )
    limit = options.limit or None
    found = client.tokens.list(**filters, page_size=min(limit or 100, 100))
    tokens = itertools.islice(found, limit)
    if options.json:
        for token in tokens:
            _print_json(token)
        return DONE
    _print_table(tokens)
    return DONE


def show(client: Waitpoint, options: argparse.Namespace) -> int:
    token = client.tokens.retrieve(options.id)
    return _print_json(token) if options.json else _print_token(token)


def complete(client: Waitpoint, options: argparse.Namespace) -> int:
    settlement = client.tokens.complete(options.id, json_in(options.data), if_waiting=options.if_waiting)
    return _print_settlement(settlement, options, "Completed.")


def cancel(client: Waitpoint, options: argparse.Namespace) -> int:
    settlement = client.tokens.cancel(options.id, options.reason)
    return _print_settlement(settlement, options, "Cancelled.")


def watch(client: Waitpoint, options: argparse.Namespace) -> int:
    result = client.tokens.wait(options.id, timeout=options.wait)
    if options.json:
        _print_json(result.token)
    else:
        _print_token(result.token)
    return REFUSED if isinstance(result, Unanswered) else DONE


def _print_json(value: msgspec.Struct) -> int:
    """One JSON document on one line; the output of a token is JSON inside it, not a text that holds JSON."""
    members = msgspec.to_builtins(value)
    if isinstance(value, Token):
        members.pop("output", None)
        if value.is_completed and value.raw_output is not None:
            members["output"] = value.output
        elif value.error is not None:
            members["error"] = str(value.error)
    print(json.dumps(members, ensure_ascii=False))
    return DONE


def _print_settlement(settlement: Settlement, options: argparse.Namespace, done: str) -> int:
    if options.json:
        return _print_json(settlement)
    if settlement.already_completed:
        state = (settlement.status or "COMPLETED").lower().replace("_", " ")
        print(f"Nothing changed: the token was {state} already{_when(settlement.completed_at)}.")
    else:
        print(done)
    return DONE


def _print_token(token: Token) -> int:
    print_facts(
        {
            "id": token.id,
            "status": _status(token),
            "tags": shown(", ".join(token.tags)) or None,
            "asks": shown((token.request or {}).get("title", "Do you approve?")) if token.request is not None else None,
            "created": moment(token.created_at),
            "timeout": moment(token.timeout_at) or "never",
            "settled": moment(token.completed_at),
            "reason": shown(token.cancel_reason or "") or None,
            "idempotency key": shown(token.idempotency_key or "") or None,
            "output": json.dumps(token.output, indent=2, ensure_ascii=False) if token.is_completed else None,
        }
    )
    return DONE


def _print_table(tokens: Iterable[Token]) -> None:
    rows = ((t.id, _status(t), minute(t.created_at), minute(t.timeout_at), shown(", ".join(t.tags))) for t in tokens)
    heading = ("id", "status", "created (UTC)", "timeout (UTC)", "tags")
    print_table("{:<42}  {:<10}  {:<16}  {:<16}  {}", heading, rows, "No tokens.")


def _status(token: Token) -> str:
    return "cancelled" if token.is_cancelled else token.status.lower().replace("_", " ")


def _when(at: datetime | None) -> str:
    return f" at {moment(at)}" if at else ""


def _parser() -> argparse.ArgumentParser:
    about = "Tokens of the server in WAITPOINT_URL, with the key in WAITPOINT_SECRET_KEY."
    parser, command = parser_of("waitpoint tokens", about, "refused, not found or not answered")

    asked = command("create", create, "Create a token.")
    asked.add_argument("--timeout", help="how long it waits (30s, 10m, 1d12h), until when (ISO 8601), or never")
    asked.add_argument("--tag", action="append", help="a word to find it by; may be repeated")
    asked.add_argument("--idempotency-key", help="the same key gives the same token")
    asked.add_argument("--idempotency-key-ttl", help="how long the key lives (1h unless said otherwise)")

    asked.add_argument("--request", metavar="FILE", help="what people are asked, as JSON; - reads the standard input")

    asked = command("list", list_, "List tokens, newest first.")
    asked.add_argument("--status", action="append", choices=["WAITING", "COMPLETED", "TIMED_OUT"], type=str.upper)
    asked.add_argument("--idempotency-key")
    add_filters(asked, "created")

    command("show", show, "Show one token with its output.").add_argument("id")

    asked = command("complete", complete, "Complete a token.")
    asked.add_argument("id")
    asked.add_argument("--data", metavar="JSON", help="the output; - reads it from the standard input")
    asked.add_argument("--if-waiting", action="store_true", help="fail when somebody was first")

    asked = command("cancel", cancel, "Cancel a token: nobody needs to answer any more.")
    asked.add_argument("id")
    asked.add_argument("--reason", help="told to whoever waits or comes late")

    asked = command("watch", watch, "Wait until a token is settled, then show it.")
    asked.add_argument("id")
    asked.add_argument(
        "--wait", type=float, metavar="SECONDS", help="give up after so long (the token goes on waiting)"
    )
    return parser
