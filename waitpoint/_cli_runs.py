# ruff: noqa: T201 (a command prints)
"""`waitpoint runs …`: runs of tasks, for people by default and for scripts with `--json`."""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, get_args

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
    shown,
)
from waitpoint._settings import settings
from waitpoint._tasks import calls
from waitpoint._tasks.calls import Run, RunStatus

if TYPE_CHECKING:
    from waitpoint._channels import BlockingChannel

DONE, REFUSED = 0, 1

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # seconds between two looks at a run that is watched


def main(argv: Sequence[str]) -> int:
    """Run one command against the server in `WAITPOINT_URL`."""
    from waitpoint._channels import BlockingChannel  # noqa: PLC0415 (httpx is slow to import)

    options = _parser().parse_args(argv)
    with closing(BlockingChannel(settings(options.url))) as channel:
        code: int = options.run(channel, options)
        return code


def list_(channel: BlockingChannel, options: argparse.Namespace) -> int:
    filters = given(
        status=options.status,
        task=options.task,
        tags=options.tag,
        period=options.period,
        created_from=options.created_from,
        created_to=options.created_to,
    )
    limit = options.limit or None
    runs = itertools.islice(_pages(channel, {**filters, "page_size": min(limit or 100, 100)}), limit)
    if options.json:
        for run in runs:
            _print_json(run)
        return DONE
    _print_table(runs)
    return DONE


def show(channel: BlockingChannel, options: argparse.Namespace) -> int:
    return _print(channel.ask(calls.retrieve_run(options.id)), options)


def trigger(channel: BlockingChannel, options: argparse.Namespace) -> int:
    wanted = calls.trigger_options(
        **given(idempotency_key=options.idempotency_key, tags=options.tag, delay=options.delay)
    )
    run_id = channel.ask(calls.trigger(options.task, json_in(options.data), wanted))
    if options.watch:
        return _watched(channel, run_id, None, options)
    print(json.dumps({"id": run_id}) if options.json else run_id)
    return DONE


def cancel(channel: BlockingChannel, options: argparse.Namespace) -> int:
    channel.ask(calls.cancel_run(options.id))
    return _done(channel, options, "CANCELED", "Cancelled.")


def retry(channel: BlockingChannel, options: argparse.Namespace) -> int:
    before = channel.ask(calls.retrieve_run(options.id))
    channel.ask(calls.retry_run(options.id))
    run = channel.ask(calls.retrieve_run(options.id))
    if options.json:
        return _print_json(run)
    is_done = before.status in {"FAILED", "CANCELED"}
    print("Queued once more." if is_done else f"Nothing changed: the run is {_status(run)}.")
    return DONE


def watch(channel: BlockingChannel, options: argparse.Namespace) -> int:
    return _watched(channel, options.id, options.wait, options)


def _pages(channel: BlockingChannel, filters: dict[str, Any]) -> Iterator[Run]:
    page = channel.ask(calls.list_runs(**filters))
    yield from page.runs
    while page.next:
        page = channel.ask(calls.list_runs(**filters, after=page.next))
        yield from page.runs


def _watched(channel: BlockingChannel, run_id: str, within: float | None, options: argparse.Namespace) -> int:
    """Show the run when it has ended, or when the time is up."""
    until = float("inf") if within is None else time.monotonic() + within
    pause = FIRST_PAUSE
    while not (run := channel.ask(calls.retrieve_run(run_id))).is_finished and time.monotonic() < until:
        time.sleep(min(pause, max(until - time.monotonic(), 0.0)))
        pause = min(LONGEST_PAUSE, pause * 1.5)
    _print(run, options)
    return DONE if run.status == "COMPLETED" else REFUSED


def _done(channel: BlockingChannel, options: argparse.Namespace, wanted: RunStatus, words: str) -> int:
    """Say what came of it: a run that had ended before stays as it is."""
    run = channel.ask(calls.retrieve_run(options.id))
    if options.json:
        return _print_json(run)
    print(words if run.status == wanted else f"Nothing changed: the run is {_status(run)}.")
    return DONE


def _print(run: Run, options: argparse.Namespace) -> int:
    return _print_json(run) if options.json else _print_run(run)


def _print_json(run: Run) -> int:
    """One JSON document on one line, without what is not known."""
    members = {name: value for name, value in msgspec.to_builtins(run).items() if value is not None}
    print(json.dumps(members, ensure_ascii=False))
    return DONE


def _print_run(run: Run) -> int:
    error = run.error
    print_facts(
        {
            "id": run.id,
            "task": shown(run.task),
            "status": _status(run),
            "tags": shown(", ".join(run.tags)) or None,
            "triggered": moment(run.created_at),
            "started": moment(run.started_at),
            "ended": moment(run.finished_at),
            "attempts": str(run.attempt) if run.attempt > 1 else None,
            "problem": shown(run.problem) if run.problem else None,
            "payload": _text(run.payload),
            "output": _text(run.output) if run.status == "COMPLETED" else None,
            "error": shown(f"{error.name}: {error.message}") if error else None,
            "traceback": "\n".join(map(shown, error.stack_trace.rstrip().split("\n"))) or None if error else None,
        }
    )
    return DONE


def _print_table(runs: Iterable[Run]) -> None:
    rows = ((r.id, _status(r), minute(r.created_at), shown(r.task), shown(", ".join(r.tags))) for r in runs)
    heading = ("id", "status", "triggered (UTC)", "task", "tags")
    print_table("{:<40}  {:<9}  {:<16}  {:<24}  {}", heading, rows, "No runs.")


def _status(run: Run) -> str:
    return "cancelled" if run.status == "CANCELED" else run.status.lower()


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, indent=2, ensure_ascii=False)


def _parser() -> argparse.ArgumentParser:
    about = "Runs of tasks on the server in WAITPOINT_URL, with the key in WAITPOINT_SECRET_KEY."
    parser, command = parser_of("waitpoint runs", about, "refused, not found, failed or not ended")

    asked = command("list", list_, "List runs, newest first.")
    asked.add_argument("--status", action="append", choices=get_args(RunStatus), type=str.upper)
    asked.add_argument("--task", action="append", help="of any of these tasks; may be repeated")
    add_filters(asked, "triggered")

    command("show", show, "Show one run with its payload, output or error.").add_argument("id")

    asked = command("trigger", trigger, "Queue a run of a task; gives its id.")
    asked.add_argument("task")
    asked.add_argument("--data", metavar="JSON", help="what the task is given; - reads it from the standard input")
    asked.add_argument("--tag", action="append", help="a word to find it by; may be repeated")
    asked.add_argument("--delay", help="how long it is held back before it may begin: 10m")
    asked.add_argument("--idempotency-key", help="the same key gives the same run of the task")
    asked.add_argument("--watch", action="store_true", help="wait until it ends, then show it")

    command("cancel", cancel, "Cancel a run.").add_argument("id")

    sentence = "Queue a failed or cancelled run once more; only what failed runs again."
    command("retry", retry, sentence).add_argument("id")

    asked = command("watch", watch, "Wait until a run ends, then show it.")
    asked.add_argument("id")
    asked.add_argument("--wait", type=float, metavar="SECONDS", help="give up after so long (the run goes on)")
    return parser
