"""Runs in every state, for the gallery: each is told by the events and the journal that a server would have."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from app.environments.models import Environment
from app.events import Event
from app.pages.page import Frame
from app.runs.models import Checkpoint, Run
from app.runs.picture import picture_of
from app.runs.story import Recorded, Story, said
from app.runs.views import OpenWait, snippets
from app.tokens.models import Token

ADA = {"kind": "person", "door": "page", "id": "p_1", "name": "ada@example.com"}
KEY = {"kind": "api_key", "door": "rest", "id": "key_1", "name": "shop"}
BEN = {"kind": "public_access_token", "door": "approval", "id": "pat_1"}
WORKER = {"kind": "worker", "door": "worker"}
DEADLINE = {"kind": "system", "door": "deadline"}
BODY = "06e3a1c8f0{:04d}9a2b5c7d1e3f4a6b8c0d2e"
TOKEN = "waitpoint_" + BODY.format(1)[:36]
TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/orders.py", line 41, in fulfil
    await charge(order)
  File "/srv/shop/orders.py", line 18, in charge
    raise CardDeclined("the bank says no")
CardDeclined: the bank says no
"""


class Scenes:
    """Makes the states of one run, at one moment."""

    def __init__(self, now: Any, environment: Environment, frame: Frame) -> None:
        self.now, self.environment, self.frame = now, environment, frame

    def run(self, number: int = 0, **values: Any) -> Run:
        created = self.now - timedelta(hours=3, minutes=number)
        defaults: dict[str, Any] = {
            "id": "run_" + BODY.format(number)[:36],
            "environment_id": self.environment.id,
            "task": "moderation",
            "status": "WAITING",
            "payload": '{"args":["Publish the autumn sale?"],"kwargs":{}}',
            "tags": ("order:8812",),
            "created_at": created,
            "available_at": created,
            "attempt": 1,
            "generation": 1,
            "owner": "web-1/4711",
            "started_at": created + timedelta(seconds=1),
        }
        return Run(**(defaults | values))

    def done(self, number: int, status: str, **values: Any) -> Run:
        return self.run(number, status=status, finished_at=self.now - timedelta(minutes=number), **values)

    def rows(self) -> list[Run]:
        mixed = [
            self.run(0, status="EXECUTING"),
            self.run(1),
            self.run(2, problem="step 3: expected `send`, found `charge`", task="orders.fulfil"),
            self.run(3, status="QUEUED", available_at=self.now + timedelta(hours=2), started_at=None),
            self.run(4, status="QUEUED", started_at=None, task="a_task_whose_name_is_longer_than_a_telephone_is_wide"),
            self.done(5, "COMPLETED"),
            self.done(6, "FAILED", tags=()),
            self.done(7, "CANCELED", tags=("a-tag-that-somebody-made-much-longer-than-any-row-has-room-for-it",)),
        ]
        return mixed + [self.done(number, "COMPLETED") for number in range(8, 25)]

    def tabs(self, current: str = "All") -> list[dict[str, Any]]:
        counts = {"All": "", "Queued": "2", "Executing": "1", "Waiting": "1,000+", "Completed": "17", "Failed": "1"}
        counts["Cancelled"] = "12+"
        return [{"words": w, "count": n, "url": "/runs", "is_current": w == current} for w, n in counts.items()]

    def shown(self, run: Run, log: Sequence[tuple[float, str, Any, dict[str, Any]]], **more: Any) -> dict[str, Any]:
        """What `run_view` gives; `log` is (seconds since the beginning, kind, actor, data)."""
        events = [
            Event(
                number,
                run.environment_id,
                kind,
                run.id,
                actor,
                run.created_at + timedelta(seconds=at),
                {"task": "t"} | data,
            )
            for number, (at, kind, actor, data) in enumerate(log)
        ]
        journal: list[Recorded] = more.pop("journal", [])
        tokens: dict[str, Token] = more.pop("tokens", {})
        error = json.loads(run.error or "{}")
        return {
            "run": run,
            "frame": Frame(
                path=f"/runs/{run.id}",
                person="Ada",
                environment=self.environment,
                environments=self.frame.environments,
                waiting=12,
            ),
            "now": self.now,
            "environment": self.environment,
            "picture": picture_of(run, events, [each.at for each in journal if each.is_step], self.now),
            "entries": Story(events, journal, tokens).entries(),
            "is_cut": False,
            "waits": [],
            "titles": {},
            "tokens": tokens,
            "parent": None,
            "children": [],
            "error": {"line": said(run.error), "traceback": error["traceback"]} if run.error else None,
            "version": run.status,
            "live_url": None,
        } | more

    def all(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Every state by its name."""
        listed: dict[str, Any] = {
            "heading": "All runs",
            "frame": Frame(
                path="/runs",
                person="Ada",
                environment=self.environment,
                environments=self.frame.environments,
                waiting=12,
            ),
            "now": self.now,
            "version": "1",
            "tabs": self.tabs(),
            "chips": [],
            "values": {},
            "hidden": {},
            "periods": [("", "any time"), ("1h", "in the last hour")],
            "filters_open": False,
            "clear_url": "/runs",
            "newest_url": None,
            "newer_url": None,
            "older_url": None,
            "shown": "",
            "runs": [],
            "blank": "_blank_first.html",
            "blank_words": "Nothing has failed",
            "live_url": None,
            "snippets": snippets("http://127.0.0.1:8000", self.environment),
        }
        chips = [{"words": "task: moderation", "without": "/runs"}]
        filtered = {"runs": self.rows()[:3], "tabs": self.tabs("Waiting"), "filters_open": True, "chips": chips}
        return {
            "runs": (
                "runs/index.html",
                listed | {"runs": self.rows(), "shown": "25 on this page", "older_url": "/runs"},
            ),
            "runs-filtered": ("runs/index.html", listed | filtered | {"values": {"task": "moderation"}}),
            "runs-first": ("runs/index.html", listed),
            "runs-nothing-matches": ("runs/index.html", listed | {"blank": "_blank_filtered.html"}),
            "runs-nothing-failed": ("runs/index.html", listed | {"blank": "_blank_status.html"}),
            "run-queued": ("runs/show.html", self._queued()),
            "run-executing": ("runs/show.html", self._executing()),
            "run-waiting": ("runs/show.html", self._waiting()),
            "run-asleep": ("runs/show.html", self._asleep()),
            "run-problem": ("runs/show.html", self._stuck()),
            "run-completed": ("runs/show.html", self._completed()),
            "run-failed": ("runs/show.html", self._failed()),
            "run-cancelled": ("runs/show.html", self._cancelled()),
            "run-hostile": ("runs/show.html", self._hostile()),
        }

    def _record(self, run: Run, at: float, position: str, name: str, **values: Any) -> Recorded:
        return Recorded(run.created_at + timedelta(seconds=at), Checkpoint(position, name, **values))

    def _begun(self, run: Run, worker: str = "web-1/4711") -> list[tuple[float, str, Any, dict[str, Any]]]:
        return [
            (0, "run.queued", KEY, {"status": "QUEUED", "generation": 0}),
            (1, "run.executing", WORKER, {"status": "EXECUTING", "generation": 1, "worker": worker}),
        ]

    def _token(self, **values: Any) -> Token:
        defaults: dict[str, Any] = {"status": "WAITING", "tags": ("moderation",), "created_at": self.now}
        defaults["timeout_at"] = self.now + timedelta(hours=21)
        return Token(id=TOKEN, environment_id=self.environment.id, **(defaults | values))

    def _asked(self, run: Run) -> tuple[list[tuple[float, str, Any, dict[str, Any]]], list[Recorded]]:
        """It has made a token, sent it, and waits."""
        log = [
            *self._begun(run),
            (4.2, "run.waits", WORKER, {"status": "EXECUTING", "position": "3", "tokens": [TOKEN]}),
            (4.3, "run.waiting", WORKER, {"status": "WAITING"}),
        ]
        journal = [
            self._record(run, 1.1, "1", "create_token", kind="token", result=json.dumps({"id": TOKEN})),
            self._record(run, 4.1, "2", "send_to_moderators", result='{"message":"m_8812","to":["ben","cleo"]}'),
        ]
        return log, journal

    def _queued(self) -> dict[str, Any]:
        run = self.run(status="QUEUED", started_at=None, owner=None, available_at=self.now + timedelta(hours=2))
        return self.shown(run, self._begun(run)[:1])

    def _executing(self) -> dict[str, Any]:
        run = self.run(
            status="EXECUTING", created_at=self.now - timedelta(seconds=9), parent_id="run_" + BODY.format(9)
        )
        journal = [self._record(run, at, str(at), "count", result=str(at)) for at in range(1, 8)]
        return self.shown(run, self._begun(run), journal=journal, parent=self.run(9, task="publish"))

    def _waiting(self) -> dict[str, Any]:
        run, token = self.run(), self._token()
        log, journal = self._asked(run)
        wait = OpenWait("3", "all", (token,), ())
        return self.shown(
            run, log, journal=journal, tokens={TOKEN: token}, waits=[wait], titles={TOKEN: "Publish this comment?"}
        )

    def _asleep(self) -> dict[str, Any]:
        run, token = self.run(), self._token(kind="SLEEP", tags=())
        log, _ = self._asked(run)
        children = [self.done(3, "COMPLETED", task="translate"), self.run(4, task="translate")]
        wait = OpenWait("3", "all", (token,), ())
        both = OpenWait("4", "any", (self._token(),), (children[1].id,))
        return self.shown(
            run,
            log,
            tokens={TOKEN: token},
            waits=[wait, both, OpenWait("5", "all", (self._token(),), (), "approval")],
            children=children,
        )

    def _stuck(self) -> dict[str, Any]:
        problem = "step 3: expected `send`, found `charge`"
        run = self.run(problem=problem)
        log, journal = self._asked(run)
        log += [
            (9000, "run.woken", BEN, {"status": "QUEUED", "position": "3"}),
            (9001, "run.executing", WORKER, {"status": "EXECUTING", "worker": "web-2/1"}),
            (9001.2, "run.problem", WORKER, {"status": "WAITING", "problem": problem}),
        ]
        return self.shown(run, log, journal=journal)

    def _completed(self) -> dict[str, Any]:
        run = self.done(0, "COMPLETED", output='{"published":true,"by":["ben","cleo"],"at":"2026-11-25T10:00:00Z"}')
        log, journal = self._asked(run)
        log += [
            (9000, "run.woken", BEN, {"status": "QUEUED", "position": "3"}),
            (9001, "run.executing", WORKER, {"status": "EXECUTING", "worker": "web-1/4711"}),
            (10800, "run.completed", WORKER, {"status": "COMPLETED"}),
        ]
        return self.shown(run, log, journal=[*journal, self._record(run, 9900, "4", "publish")])

    def _failed(self) -> dict[str, Any]:
        error = json.dumps({"type": "CardDeclined", "message": "the bank says no", "traceback": TRACEBACK})
        run = self.done(0, "FAILED", error=error, attempt=2, task="orders.fulfil")
        log = [
            *self._begun(run),
            (3, "run.retried", WORKER, {"status": "QUEUED", "attempt": 2}),
            (60, "run.executing", WORKER, {"status": "EXECUTING", "worker": "web-1/4711"}),
            (64, "run.failed", WORKER, {"status": "FAILED"}),
        ]
        return self.shown(run, log, journal=[self._record(run, 2.5, "1", "charge", error=error)])

    def _cancelled(self) -> dict[str, Any]:
        run = self.done(0, "CANCELED", idempotency_key="order-8812")
        log, journal = self._asked(run)
        log.append((10000, "run.canceled", ADA, {"status": "CANCELED"}))
        return self.shown(run, log, journal=journal)

    def _hostile(self) -> dict[str, Any]:
        evil = "<img src=x onerror=alert(1)>\u202egnp"
        error = json.dumps({"type": evil, "message": evil * 9, "traceback": evil * 40})
        run = self.done(
            0, "FAILED", error=error, task=evil, tags=("x" * 128, evil), owner=evil, idempotency_key="k" * 400
        )
        journal = [
            self._record(run, 2, "1", evil, result=json.dumps(evil * 9)),
            self._record(run, 2, "2", evil, error=error),
        ]
        return self.shown(run, self._begun(run, evil), journal=journal)
