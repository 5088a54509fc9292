"""Every page in every state, with made-up data: to be looked at, and to be measured by the tests.

python -m tests.pages.gallery        serves it and prints the address
"""

import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from app.audit.pages import KNOWN_BY
from app.audit.search import Entry as AuditEntry
from app.environments.models import Environment, KeyListing
from app.events.log import Event
from app.inbox.search import Entry
from app.inbox.views import Quick, Row
from app.notifications.kinds import Kind
from app.notifications.letters import Letter
from app.notifications.models import Mail
from app.pages import files
from app.pages.leafing import Leaf
from app.pages.page import HEADERS, Frame
from app.pages.templates import render
from app.paths import STATIC
from app.people.groups import Group
from app.people.people import Profile
from app.people.sign_in import OpenSession
from app.requests import forms
from app.requests.access import NO_SECRET
from app.requests.forms import pages as form_pages
from app.requests.forms.gallery import EVERY_FIELD
from app.tokens.models import Token
from tests.pages import journey_scenes, request_scenes
from tests.pages.run_scenes import Scenes

NOW = datetime.now(UTC).replace(microsecond=0)
URL = "http://127.0.0.1:8000"
DEV = Environment("env_1", "dev", "Development", NOW)
PROD = Environment("env_2", "prod", "Production", NOW)
ENVIRONMENTS = (DEV, PROD)
DESK = Frame(path="/tokens", person="Ada", environment=DEV, environments=ENVIRONMENTS, waiting=12)
RUNS = Scenes(NOW, DEV, DESK)
BODY = "06e3v1q8h0{:04d}9s2k5m7p1r3t4v6w8x0a2b"


def token(number: int = 0, **values: Any) -> Token:
    defaults: dict[str, Any] = {
        "id": "waitpoint_" + BODY.format(number)[:32],
        "environment_id": DEV.id,
        "status": "WAITING",
        "tags": ("moderation", "user:123"),
        "created_at": NOW - timedelta(minutes=12 * number + 12),
        "timeout_at": NOW + timedelta(hours=3, minutes=12),
    }
    return Token(**(defaults | values))


def done(number: int = 0, output: str | None = '{"approved":true,"comment":""}', **values: Any) -> Token:
    return token(number, status="COMPLETED", output=output, completed_at=NOW - timedelta(minutes=9), **values)


def timed_out(number: int = 0) -> Token:
    output = '{"code":"TRIGGER_WAITPOINT_TIMEOUT","message":"Waitpoint timed out at 2026-11-22T10:00:00.000Z"}'
    ended = NOW - timedelta(hours=2)
    return token(number, status="TIMED_OUT", output=output, output_is_error=True, completed_at=ended, timeout_at=ended)


def cancelled(number: int = 0) -> Token:
    output = '{"code":"WAITPOINT_CANCELLED","message":"Waitpoint was cancelled: the order was withdrawn"}'
    ended = NOW - timedelta(days=1, hours=3)
    return token(
        number,
        status="TIMED_OUT",
        output=output,
        output_is_error=True,
        completed_at=ended,
        cancelled_at=ended,
        cancel_reason="The order was withdrawn.",
    )


def a_leaf(path: str, *things: Any) -> Leaf[Any]:
    """All of a short list."""
    return Leaf(path=path, shown=things, total=len(things), found=len(things))


def in_the_middle(leaf: Leaf[Any]) -> Leaf[Any]:
    """The same in a long one, in which somebody looks for something."""
    more = {"q": "a", "total": 2000, "found": 153, "first": 50, "previous_url": leaf.path, "next_url": leaf.path}
    return msgspec.structs.replace(leaf, **more)


def timeline(token: Token, actor: dict[str, Any] | None = None) -> list[Event]:
    key = {"kind": "api_key", "door": "rest", "id": "key_1", "name": "shop"}
    events = [Event(1, DEV.id, "token.created", token.id, key, token.created_at, {})]
    if token.is_settled:
        kind = "cancelled" if token.is_cancelled else "completed" if token.is_completed else "timed_out"
        assert token.completed_at is not None
        events.append(Event(2, DEV.id, f"token.{kind}", token.id, actor or key, token.completed_at, {}))
    return events


def rows() -> list[Token]:
    mixed = [
        token(0, timeout_at=NOW + timedelta(minutes=9), tags=("refund", "order:8812", "eur")),
        token(1),
        token(2, timeout_at=None, tags=()),
        token(3, tags=("onboarding:42", "a-tag-that-somebody-made-much-longer-than-any-row-has-room-for-it")),
        done(4),
        done(5, tags=("onboarding:42",)),
        timed_out(6),
        cancelled(7),
    ]
    return mixed + [token(n, timeout_at=NOW + timedelta(days=n)) for n in range(8, 25)]


def tabs(current: str = "All") -> list[dict[str, Any]]:
    counted = {"All": None, "Waiting": 12, "Completed": 1001, "Timed out": 34}
    return [{"words": w, "count": n, "url": "/tokens", "is_current": w == current} for w, n in counted.items()]


LIST: dict[str, Any] = {
    "heading": "Tokens",
    "frame": DESK,
    "now": NOW,
    "version": "1",
    "tabs": tabs(),
    "chips": [],
    "values": {},
    "hidden": {},
    "periods": [("", "any time"), ("1h", "in the last hour"), ("1d", "in the last day"), ("7d", "in the last 7 days")],
    "filters_open": False,
    "clear_url": "/tokens",
    "newest_url": None,
    "newer_url": None,
    "older_url": None,
    "shown": "",
    "tokens": [],
    "titles": {},
    "blank": "_blank_first.html",
    "blank_words": "Nothing is waiting",
    "live_url": None,
    "snippets": {
        "curl": f"""curl {URL}/api/v1/waitpoints/tokens \\
  -H "Authorization: Bearer $WAITPOINT_SECRET_KEY" \\
  -d '{{"timeout": "1h", "tags": ["first"]}}'""",
        "python": f"""from waitpoint import Waitpoint

with Waitpoint(url="{URL}", secret_key="tr_dev_sk_…") as waitpoint:
    token = waitpoint.tokens.create(timeout="1h", tags=["first"])
    print(waitpoint.wait_for_token(token).unwrap())""",
        "key_start": "tr_dev_sk_",
    },
}


def shown(token: Token, **more: Any) -> dict[str, Any]:
    ben = {"kind": "public_access_token", "door": "approval", "id": "pat_1"}
    return {
        "token": token,
        "environment": DEV,
        "frame": Frame(
            path=f"/tokens/{token.id}", person="Ada", environment=DEV, environments=ENVIRONMENTS, waiting=12
        ),
        "now": NOW,
        "version": token.status,
        "timeline": timeline(token, ben if token.is_completed else None),
        "settled_by": "somebody with the approval link",
        "may_answer": True,
        "late": False,
        "held_runs": [RUNS.run()] if token.is_waiting and token.tags else [],
        "values": {},
        "errors": {},
        "live_url": None,
        "callback_url": f"{URL}/api/v1/waitpoints/tokens/{token.id}/callback/{'4f1e' * 16}",
        "approval_url": f"{URL}/approve/{token.id}?token={'eyJhbGciOiJIUzI1NiJ9.' * 6}",
        "curl": f"curl {URL}/api/v1/waitpoints/tokens/{token.id}/complete -d '{{}}'",
    } | more


def door(token: Token, **more: Any) -> dict[str, Any]:
    return {
        "token": token,
        "frame": Frame(path=f"/approve/{token.id}"),
        "now": NOW,
        "version": token.status,
        "action": f"/approve/{token.id}",
        "values": {},
        "errors": {},
        "live_url": None,
        "settled_by": "somebody with the approval link",
        "late_title": "This was answered",
        "request": None,
        "question": None,
        "outcome": None,
        "refusal": None,
        "form": None,
        "changes": None,
        "is_same": False,
    } | more


KEYS = [
    KeyListing("key_1", DEV.id, "shop", "full", "9xQ2", NOW - timedelta(days=3), None),
    KeyListing("key_2", DEV.id, "the warehouse's webhook relay", "complete", "pT40", NOW - timedelta(minutes=4), None),
]
SCOPES = [("full", "do everything"), ("create", "create tokens"), ("complete", "complete tokens")]
SETTINGS = Frame(path="/settings/environments", person="Ada", environment=DEV, environments=ENVIRONMENTS, waiting=12)
GROUPS = [{"environment": DEV, "api_keys": KEYS}, {"environment": PROD, "api_keys": []}]
SETTING: dict[str, Any] = {
    "frame": SETTINGS,
    "now": NOW,
    "leaf": a_leaf("/settings/environments", *ENVIRONMENTS),
    "groups": GROUPS,
    "scopes": SCOPES,
    "values": {},
    "errors": {},
}


def asked(number: int, **values: Any) -> Row:
    about: dict[str, Any] = {
        "token_id": token(number).id,
        "moment": NOW,
        "environment_id": DEV.id,
        "title": "Publish the autumn sale?",
        "requester": "ada@example.com",
        "version": 1,
        "tags": ("moderation", "user:123"),
        "created_at": NOW - timedelta(minutes=12),
        "timeout_at": NOW + timedelta(hours=3 * number + 3),
        "status": "WAITING",
        "completed_at": None,
        "cancelled_at": None,
    }
    entry = Entry(**{name: values.pop(name, value) for name, value in about.items()})
    row: dict[str, Any] = {
        "title": entry.title,
        "environment": "Development",
        "is_soon": False,
        "quick": QUICK,
        "next_id": None,
    }
    return Row(entry=entry, **(row | values))


QUICK = (Quick("approve", "Approve", "main", "a"), Quick("reject", "Send back", "plain", "r"))
INBOX: dict[str, Any] = {
    "frame": Frame(path="/inbox", person="Ada", environment=DEV, environments=ENVIRONMENTS, waiting=12, asked=4),
    "now": NOW,
    "here": "/inbox",
    "has_mailbox": True,
    "version": "1",
    "rows": [
        asked(0, is_soon=True, timeout_at=NOW + timedelta(minutes=9), title="Refund #8812 (EUR 1,240)?"),
        asked(1, quick=(), requester=None, tags=()),
        asked(2, title="Onboarding: " + "x" * 188, tags=("a" * 128, "b"), requester=("r" * 190) + "@example.com"),
        asked(3, timeout_at=None),
        asked(4, quick=(), asks="ben@example.com, group:editors"),
    ],
    "tabs": [
        {"words": "For you", "count": 4, "url": "/inbox", "is_all": False, "is_current": True},
        {"words": "Your groups", "count": 0, "url": "/inbox", "is_all": False, "is_current": False},
        {"words": "All", "count": 1001, "url": "/inbox", "is_all": True, "is_current": False},
        {"words": "Answered", "count": None, "url": "/inbox", "is_all": False, "is_current": False},
    ],
    "blank": "me",
    "clear_url": "/inbox",
    "first_url": None,
    "previous_url": None,
    "next_url": "/inbox?after=x",
    "is_cut": False,
    "environments": ENVIRONMENTS,
    "chips": [],
    "values": {},
    "hidden": {},
    "due": [("", "any time"), ("1h", "due within an hour")],
    "is_answered": False,
    "live_url": None,
}
AUDIT: dict[str, Any] = {
    "frame": Frame(path="/audit", person="Ada", environment=DEV, environments=ENVIRONMENTS, waiting=12, asked=4),
    "now": NOW,
    "entries": [
        AuditEntry(
            9,
            DEV.id,
            "token.completed",
            token().id,
            {"kind": "person", "door": "inbox", "id": "person_2", "name": "Mia " + "x" * 96},
            NOW - timedelta(minutes=3),
            {"label": "Send back"},
        ),
        AuditEntry(
            8,
            DEV.id,
            "token.completed",
            token(1).id,
            {"kind": "link", "door": "approval", "name": "ben@example.com"},
            NOW - timedelta(minutes=9),
            {"label": "Approve"},
        ),
        AuditEntry(
            7,
            DEV.id,
            "token.created",
            token(1).id,
            {"kind": "api_key", "door": "rest", "name": "shop"},
            NOW - timedelta(hours=3),
            {},
        ),
        AuditEntry(6, None, "person.role_changed", "person_2", {"kind": "system", "door": "command"}, NOW, {}),
        AuditEntry(5, None, "group.added", "editors", None, NOW - timedelta(days=30), {}),
        AuditEntry(
            4,
            DEV.id,
            "journey.moved",
            f"journey:{DEV.id}:onboarding:42",
            {"kind": "api_key", "door": "rest", "name": "WAITPOINT_SECRET_KEY"},
            NOW - timedelta(days=30),
            {"token": token(2).id},
        ),
    ],
    "names": {token().id: "Publish the autumn sale? " + "x" * 160, token(2).id: "Your company?", "person_2": "Mia"},
    "is_cut": False,
    "is_any": False,
    "older_url": "/audit?after=5",
    "newer_url": None,
    "newest_url": None,
    "clear_url": "/audit",
    "exports": [("CSV", "/audit/export/csv"), ("JSON", "/audit/export/json")],
    "values": {},
    "hidden": {},
    "what": [("", "Everything"), ("decisions", "Answers and deadlines")],
    "ways": [("", "Anybody"), ("verified", "People who had signed in")],
    "doors": [("", "Any door"), ("rest", "REST API")],
    "periods": LIST["periods"],
    "known_by": KNOWN_BY,
}
SIGN_IN: dict[str, Any] = {
    "frame": Frame(),
    "has_asked": False,
    "next_path": None,
    "has_server": True,
    "values": {},
    "errors": {},
}
ADA = Profile("person_1", "ada@example.com", "Ada", "owner", "Europe/London")
MIA = Profile("person_2", f"{'m' * 60}.{'i' * 60}.a@{'example.' * 12}com", "Mia " + "x" * 96, "member")
TOM = Profile("person_3", "tom@example.com", "Tom", "approver", disabled_at=NOW - timedelta(days=2))
EDITORS, LEGAL = Group("editors", "Editors"), Group("legal", "Legal")
ROLES_IN_WORDS = [("approver", "Approver"), ("member", "Member"), ("owner", "Owner: everything")]
AT_PEOPLE = Frame(path="/people", person="Ada", environment=DEV, environments=ENVIRONMENTS, waiting=12)
PEOPLE: dict[str, Any] = {
    "frame": AT_PEOPLE,
    "leaf": a_leaf("/people", ADA, MIA, TOM),
    "groups_of": {"person_1": ["editors", "legal"]},
    "roles": ROLES_IN_WORDS,
    "values": {"role": "member"},
    "errors": {},
    "has_server": True,
}
PERSON: dict[str, Any] = {
    "frame": AT_PEOPLE,
    "someone": MIA,
    "is_me": False,
    "environments": ENVIRONMENTS,
    "groups": [EDITORS, LEGAL],
    "memberships": ["legal"],
    "number_of_sessions": 2,
    "roles": ROLES_IN_WORDS,
    "roles_here": [("same", "The same"), ("approver", "Approver"), ("member", "Member")],
    "values": {"role": "member", "role_in_prod": "approver", "role_in_dev": "same"},
    "errors": {},
    "has_server": True,
}
GROUPS_PAGE: dict[str, Any] = {
    "frame": AT_PEOPLE,
    "leaf": a_leaf("/groups", EDITORS, LEGAL),
    "sizes": {"editors": 2},
    "values": {},
    "errors": {},
}
GROUP: dict[str, Any] = {
    "frame": AT_PEOPLE,
    "group": EDITORS,
    "leaf": a_leaf("/groups/editors", ADA, TOM),
    "others": [MIA],
    "are_there_others": True,
    "errors": {},
}
PROFILE: dict[str, Any] = {
    "frame": Frame(path="/profile", person="Ada", environment=DEV, environments=ENVIRONMENTS, waiting=12),
    "profile": ADA,
    "groups": [EDITORS, LEGAL],
    "sessions": [
        OpenSession("session_2", NOW - timedelta(minutes=12), "Firefox on Linux", "link"),
        OpenSession("session_1", NOW - timedelta(days=3), None, "password"),
    ],
    "session_id": "session_2",
    "has_password": False,
    "asks_for_current": False,
    "time_zones": ("UTC", "Europe/Berlin", "Europe/London"),
    "wants_mail": True,
    "values": {"name": "Ada", "time_zone": "Europe/London"},
    "errors": {},
    "now": NOW,
}


def mail(number: int, **values: Any) -> Mail:
    defaults: dict[str, Any] = {
        "id": f"mail_{number}",
        "kind": "request",
        "recipient": "ben@example.com",
        "environment_id": DEV.id,
        "subject_id": token().id,
        "data": {},
        "status": "WAITING",
        "created_at": NOW - timedelta(minutes=7 * number + 1),
        "due_at": NOW - timedelta(seconds=1),
        "attempts": 0,
    }
    return Mail(**(defaults | values))


MAILS = [
    mail(0),
    mail(1, recipient="cleo@example.com", attempts=3, due_at=NOW + timedelta(minutes=2), problem="451 come back later"),
    mail(2, status="FAILED", ended_at=NOW, attempts=1, problem="550 5.1.1 There is no mailbox of this name here"),
    mail(3, status="SENT", ended_at=NOW - timedelta(minutes=20), attempts=1, recipient="a." * 30 + "@example.com"),
    mail(5, status="PRINTED", ended_at=NOW - timedelta(minutes=30), attempts=1),
    mail(4, status="DROPPED", ended_at=NOW - timedelta(minutes=2), attempts=1, problem="the question was answered"),
]
LETTER = Letter(
    "Publish the autumn sale?", "Ada asks you:\n\nPublish the autumn sale?\n" + f"{URL}/approve/" + "x" * 200, ""
)
OUTBOX: dict[str, Any] = {
    "frame": Frame(path="/settings/outbox", person="Ada", environment=DEV, environments=ENVIRONMENTS, waiting=12),
    "kinds": {"request": Kind("Request")},
    "has_server": True,
    "now": NOW,
}


def form_page(typed: dict[str, str] | None = None, *, is_sent: bool = False) -> dict[str, Any]:
    form = forms.form_of(EVERY_FIELD)
    filled = forms.typed_of(form) | (typed or {})
    reading = forms.read(form, filled)
    drawn = forms.controls(form, filled, reading.errors if is_sent else {})
    value = reading.value if is_sent and not reading.errors else None
    return {"frame": Frame(path="/docs/forms"), **form_pages.view(drawn, value)}


HOSTILE = ("\u202egnp.exe", "<img src=x onerror=alert(1)>", "a\u200bb", "x" * 128)


FILLED = {
    "/full_name": "Ben Okafor",
    "/email": "ben@example.com",
    "/guests_expected": "40",
    "/indoors": "yes",
    "/needs:0": "yes",
    "/needs:2": "yes",
    "/kind": "private",
    "/address/street": "Lindenstraße 3",
    "/guests:rows": "2",
    "/guests/0/name": "Ada",
    "/guests/0/speaks": "yes",
    "/guests/1/name": "Cleo",
    "/payment:variant": "1",
    "/payment:1/order_number": "PO-77",
    "/labels:rows": "1",
    "/labels/0/name": "table",
    "/labels/0/value": "7",
    "/terms": "yes",
}
HALF_FILLED = {
    "/full_name": "",
    "/email": "ben at example",
    "/guests_expected": "many",
    "/deadline": "2026-12-01T10:00",
    "/deadline:zone": "Europe/Nowhere",
    "/kind": "company",
    "/guests:rows": "2",
    "/guests/0/speaks": "yes",
    "/extra": "{",
    "/plan_of_rooms": '{"id":"file_000000000000000000000000000000000000","name":"plan.gif","type":"image/gif","size":81920}',
    "/payment:variant": "0",
}


SCENES: dict[str, tuple[str, dict[str, Any]]] = {
    "list": (
        "tokens/index.html",
        LIST
        | {
            "tokens": rows(),
            "titles": {row.id: "Refund #8812?" for row in rows()[:8:3]},
            "shown": "Newest first, 25 on a page",
            "older_url": "/tokens?after=x",
        },
    ),
    "list-filtered": (
        "tokens/index.html",
        LIST
        | {
            "tokens": rows()[:3],
            "tabs": tabs("Waiting"),
            "filters_open": True,
            "values": {"tags": "moderation"},
            "chips": [
                {"words": "tag: moderation", "without": "/tokens"},
                {"words": "in the last day", "without": "/tokens"},
            ],
            "shown": "Newest first",
            "newer_url": "/tokens?before=x",
            "newest_url": "/tokens",
        },
    ),
    "list-first": ("tokens/index.html", LIST),
    "list-nothing-matches": ("tokens/index.html", LIST | {"blank": "_blank_filtered.html", "values": {"tags": "x"}}),
    "list-nothing-waits": ("tokens/index.html", LIST | {"blank": "_blank_status.html", "tabs": tabs("Waiting")}),
    "token-waiting": ("tokens/show.html", shown(token(timeout_at=NOW + timedelta(minutes=9, seconds=41)))),
    "token-for-ever": ("tokens/show.html", shown(token(timeout_at=None, tags=(), idempotency_key="order-8812"))),
    "token-refused": (
        "tokens/show.html",
        shown(token(), errors={"data": "The output is not JSON: unexpected end"}, values={"data": '{"approved":'}),
    ),
    "token-approved": ("tokens/show.html", shown(done(output='{"approved":true,"comment":"Good to go.\\nBen"}'))),
    "token-json": (
        "tokens/show.html",
        shown(done(output='{"order":8812,"lines":[{"sku":"A-1","count":2}],"paid":true}')),
    ),
    "token-timed-out": ("tokens/show.html", shown(timed_out())),
    "token-cancelled": ("tokens/show.html", shown(cancelled())),
    "token-hostile": ("tokens/show.html", shown(done(output='"</script><script>1</script>"', tags=HOSTILE))),
    "token-new": ("tokens/new.html", {"frame": DESK, "values": {"timeout": "10m"}, "errors": {}}),
    "token-new-refused": (
        "tokens/new.html",
        {"frame": DESK, "values": {"timeout": "soon"}, "errors": {"timeout": 'A duration such as "10m", not "soon"'}},
    ),
    "callback": ("tokens/callback.html", {"frame": Frame()}),
    "approve": ("approve/form.html", door(token())),
    "approve-soon": ("approve/form.html", door(token(timeout_at=NOW + timedelta(minutes=4), tags=()))),
    "approve-hostile": ("approve/form.html", door(token(tags=HOSTILE))),
    "approve-refused": (
        "approve/form.html",
        door(token(), errors={"decision": "Choose Approve or Send back."}, values={"comment": "Looks good\nto me"}),
    ),
    "approve-done": (
        "approve/settled.html",
        door(done(output='{"approved":true,"comment":"Good to go."}'))
        | {"late_title": "Approved", "frame": Frame(flash="Your answer was recorded.")},
    ),
    "approve-late": (
        "approve/settled.html",
        door(done(output='{"approved":false,"comment":"The price is wrong."}'))
        | {"late_title": "This was already answered", "choice": "approve"},
    ),
    "approve-timed-out": ("approve/settled.html", door(timed_out()) | {"late_title": "The time is over"}),
    "approve-cancelled": ("approve/settled.html", door(cancelled()) | {"late_title": "This question was withdrawn"}),
    "approve-expired": (
        "approve/late.html",
        {
            "frame": Frame(),
            "late_title": "This link has expired",
            "sentences": ["It was good for a limited time.", "Ask whoever sent it for a new one. Nothing was changed."],
            "opens_to_people": "",
        },
    ),
    "approve-closed": (
        "approve/late.html",
        {
            "frame": Frame(),
            "late_title": NO_SECRET[0],
            "sentences": NO_SECRET[1],
            "opens_to_people": "/journeys/onboarding:42",
        },
    ),
    "sign-in": ("sign_in/new.html", SIGN_IN),
    "sign-in-refused": (
        "sign_in/new.html",
        SIGN_IN
        | {
            "values": {"email": "ada@example.com"},
            "errors": {"password": "This address and this password do not belong together."},
        },
    ),
    "sign-in-mailed": ("sign_in/new.html", SIGN_IN | {"has_asked": True}),
    "sign-in-not-mailed": ("sign_in/new.html", SIGN_IN | {"has_asked": True, "has_server": False}),
    "sign-in-confirm": (
        "sign_in/confirm.html",
        {"frame": Frame(), "action": "/sign-in", "person": "Ada", "fields": {}},
    ),
    "sign-in-late": (
        "sign_in/late.html",
        {"frame": Frame(), "sentence": "It was used before. Each link is good for one sign-in."},
    ),
    "inbox": ("inbox/index.html", INBOX),
    "inbox-without-a-mailbox": ("inbox/index.html", INBOX | {"has_mailbox": False}),
    "inbox-found": (
        "inbox/index.html",
        INBOX
        | {
            "chips": [{"words": "“sale”", "without": "/inbox"}, {"words": "tag: eu", "without": "/inbox"}],
            "values": {"q": "sale", "tags": "eu"},
            "first_url": "/inbox",
            "previous_url": "/inbox",
            "is_cut": True,
        },
    ),
    "inbox-answered": (
        "inbox/index.html",
        INBOX
        | {
            "is_answered": True,
            "rows": [
                asked(
                    0,
                    status="COMPLETED",
                    completed_at=NOW - timedelta(minutes=3),
                    quick=(),
                    answer="Approved by Mia (mia@example.com)",
                ),
                asked(1, status="TIMED_OUT", completed_at=NOW - timedelta(hours=3), quick=()),
                asked(2, status="TIMED_OUT", completed_at=NOW - timedelta(days=1), cancelled_at=NOW, quick=()),
            ],
        },
    ),
    **{
        f"inbox-empty-{why}": ("inbox/index.html", INBOX | {"rows": [], "blank": why, "next_url": None})
        for why in ("me", "groups", "no_groups", "all", "members", "answered", "filtered")
    },
    "audit": ("audit/index.html", AUDIT),
    "audit-nothing-matches": (
        "audit/index.html",
        AUDIT | {"entries": [], "is_any": True, "is_cut": True, "newest_url": "/audit", "values": {"by": "mia"}},
    ),
    "audit-first": ("audit/index.html", AUDIT | {"entries": [], "older_url": None}),
    "people": ("people/index.html", PEOPLE),
    "people-many": ("people/index.html", PEOPLE | {"leaf": in_the_middle(PEOPLE["leaf"])}),
    "people-refused": (
        "people/index.html",
        PEOPLE | {"errors": {"email": "A mail address is needed."}, "values": {"email": "ada@", "role": "owner"}},
    ),
    "person": ("people/show.html", PERSON),
    "person-no-server": ("people/show.html", PERSON | {"has_server": False}),
    "person-disabled": (
        "people/show.html",
        PERSON | {"someone": TOM, "groups": [], "values": {"role": "approver"}, "number_of_sessions": 0},
    ),
    "person-last-owner": ("people/show.html", PERSON | {"errors": {"role": "This is the last owner."}}),
    "groups": ("people/groups.html", GROUPS_PAGE),
    "groups-first": ("people/groups.html", GROUPS_PAGE | {"leaf": a_leaf("/groups")}),
    "group": ("people/group.html", GROUP),
    "group-of-many": ("people/group.html", GROUP | {"leaf": in_the_middle(GROUP["leaf"]), "others": []}),
    "group-empty": (
        "people/group.html",
        GROUP | {"leaf": a_leaf("/groups/editors"), "errors": {"person": "Choose somebody."}},
    ),
    "profile": ("people/profile.html", PROFILE),
    "profile-refused": (
        "people/profile.html",
        PROFILE
        | {
            "asks_for_current": True,
            "has_password": True,
            "errors": {"current_password": "This is not your password.", "time_zone": "Choose a time zone."},
            "values": {"name": "Ada", "time_zone": "Berlin"},
        },
    ),
    "profile-first-owner": (
        "people/profile.html",
        PROFILE | {"profile": msgspec.structs.replace(ADA, email="owner@localhost"), "errors": {"email": "Taken."}},
    ),
    "environments": ("environments/index.html", SETTING),
    "environments-refused": (
        "environments/index.html",
        SETTING
        | {
            "errors": {"slug": "A short name has small letters and digits only."},
            "values": {"name": "Staging", "slug": "St g"},
        },
    ),
    "key-new": (
        "environments/new_api_key.html",
        {
            "frame": SETTINGS,
            "key_name": "shop",
            "environment": DEV,
            "secret": "tr_dev_sk_0123456789abcdefghijklmn",
            "curl": LIST["snippets"]["curl"],
        },
    ),
    "key-revoke": (
        "environments/revoke_api_key.html",
        {"frame": SETTINGS, "key": KEYS[0], "environment": DEV, "now": NOW},
    ),
    "outbox": (
        "outbox/index.html",
        OUTBOX | {"mails": MAILS, "titles": {token().id: "Publish the autumn sale? " + "x" * 160}},
    ),
    "outbox-printed": ("outbox/index.html", OUTBOX | {"mails": MAILS, "titles": {}, "has_server": False}),
    "outbox-empty": ("outbox/index.html", OUTBOX | {"mails": [], "titles": {}, "has_server": False}),
    "outbox-mail": (
        "outbox/show.html",
        OUTBOX
        | {
            "mail": MAILS[0],
            "kind": Kind("Request"),
            "letter": LETTER,
            "links": [f"{URL}/approve/" + "x" * 200],
            "not_needed": None,
        },
    ),
    "outbox-failed": (
        "outbox/show.html",
        OUTBOX | {"mail": MAILS[2], "kind": Kind("Request"), "letter": None, "links": [], "not_needed": None},
    ),
    "outbox-lets-in": (
        "outbox/show.html",
        OUTBOX
        | {
            "mail": mail(5, kind="invitation", recipient=MIA.email, subject_id=MIA.id, environment_id=None),
            "kind": Kind("Invitation", lets_in=True),
            "letter": None,
            "links": [],
            "not_needed": None,
            "has_server": False,
        },
    ),
    "forms": ("docs/forms.html", form_page()),
    "forms-refused": ("docs/forms.html", form_page(HALF_FILLED, is_sent=True)),
    "forms-sent": ("docs/forms.html", form_page(FILLED, is_sent=True)),
    "forms-hostile": (
        "docs/forms.html",
        form_page({f"{name}": HOSTILE[1] + HOSTILE[0] for name in FILLED}, is_sent=True),
    ),
    "error": (
        "errors/problem.html",
        {
            "frame": Frame(),
            "status": 404,
            "error_title": "There is nothing here",
            "sentences": ["The address may be mistyped, or what was here belongs to another environment."],
            "home": "/tokens",
            "home_words": "To the tokens",
            "reference": "req_06e3v1q8",
        },
    ),
}
SCENES |= RUNS.all()
SCENES |= request_scenes.scenes(token, done, door, shown)
SCENES |= journey_scenes.scenes(token, done, cancelled(3), DESK, NOW)


def draw(scene: str) -> str:
    template, context = SCENES[scene]
    if scene == "approve-soon":  # as soon as ever, however long ago the tests began
        context = door(token(timeout_at=datetime.now(UTC) + timedelta(minutes=4), tags=()))
    return render(template, **context)


@contextmanager
def served() -> Iterator[str]:
    """The gallery over HTTP, with the headers that the real pages have; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Gallery)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Gallery(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        prefix = f"/static/{files.version()}/"
        if path.startswith(prefix):
            file = STATIC / path.removeprefix(prefix)
            kind = mimetypes.guess_type(file.name)[0] or "text/plain"
            return self._answer(file.read_bytes(), kind, {"Cache-Control": "max-age=3600"})
        scene = path.strip("/")
        if scene in SCENES:
            return self._answer(draw(scene).encode(), "text/html; charset=utf-8", HEADERS)
        links = "".join(f'<li><a href="/{name}">{name}</a>' for name in SCENES)
        return self._answer(
            f"<!doctype html><title>Gallery</title><ul>{links}</ul>".encode(), "text/html", status=404 if scene else 200
        )

    def _answer(self, body: bytes, kind: str, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""
