"""Every route × everybody who may ask. A route that is missing from the table fails this file.

The first column is the route, the others say what each principal is answered. A principal sends whatever they have
in every way there is: a key or a public access token in the Authorization header and as the cookie of an approval
page, a sign-in as its cookie. Who is nobody, or garbage, or from elsewhere, must never be answered better than here.
"""

import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from litestar.routes import HTTPRoute, WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from app.access.guards import closed_until_opened
from app.environments import api_keys
from app.people import groups, people, sign_in
from app.runs import lifecycle as runs
from app.runs.lifecycle import NewRun
from app.tokens.models import By
from tests.cast import ADAS_KEY, CLEOS_KEY
from tests.makers import UNKNOWN_ID, House, unique

TABLE = """
                                                                         nobody full create complete read revoked cleo right other expired reader owner member approver signed-out garbage
GET /                                                                       401  401    401      401  401     401  401   401   401     401    401   303    303      303        401     401
GET /api/v1/runs                                                            401  200    403      403  200     401  200   401   401     401    401   401    401      401        401     401
GET /api/v1/runs/{run_id:str}/events                                        401  200    403      403  200     401  404   401   401     401    401   401    401      401        401     401
GET /api/v1/waitpoints/tokens                                               401  200    403      403  200     401  200   401   401     401    401   401    401      401        401     401
GET /api/v1/waitpoints/tokens/{token_id:str}                                401  200    403      403  200     401  404   403   403     401    200   401    401      401        401     401
GET /api/v1/waitpoints/tokens/{token_id:str}/callback/{digest:str}          405  405    405      405  405     405  405   405   405     405    405   405    405      405        405     405
GET /api/v1/waitpoints/tokens/{token_id:str}/files/{file_id:str}            401  404    403      403  404     401  404   404   403     401    404   401    401      401        401     401
GET /api/v1/waitpoints/tokens/{token_id:str}/form                           401  200    403      200  403     401  404   200   403     401    403   401    401      401        401     401
GET /api/v1/waitpoints/tokens/{token_id:str}/links                          401  200    403      403  200     401  404   401   401     401    401   401    401      401        401     401
GET /api/v1/waitpoints/tokens/{token_id:str}/wait                           401  200    403      403  200     401  404   403   403     401    200   401    401      401        401     401
GET /api/v3/runs/{run_id:str}                                               401  200    403      403  200     401  404   401   401     401    401   401    401      401        401     401
GET /approve/{token_id:str}                                                 401  401    401      401  401     401  401   200   401     410    401   200    200      403        401     401
GET /approve/{token_id:str}/files/{file_id:str}                             401  401    401      401  401     401  401   404   401     410    401   404    404      403        401     401
GET /audit                                                                  401  401    401      401  401     401  401   401   401     401    401   200    200      403        401     401
GET /audit/export/{kind:str}                                                401  401    401      401  401     401  401   401   401     401    401   200    200      403        401     401
GET /docs                                                                   302  302    302      302  302     302  302   302   302     302    302   302    302      302        302     302
GET /docs/api                                                               200  200    200      200  200     200  200   200   200     200    200   200    200      200        200     200
GET /docs/forms                                                             200  200    200      200  200     200  200   200   200     200    200   200    200      200        200     200
GET /groups                                                                 401  401    401      401  401     401  401   401   401     401    401   200    403      403        401     401
GET /groups/{slug:str}                                                      401  401    401      401  401     401  401   401   401     401    401   200    403      403        401     401
GET /healthz                                                                200  200    200      200  200     200  200   200   200     200    200   200    200      200        200     200
GET /inbox                                                                  401  401    401      401  401     401  401   401   401     401    401   200    200      200        401     401
GET /inbox/next                                                             401  401    401      401  401     401  401   401   401     401    401   303    303      303        401     401
GET /journeys/{journey:str}                                                 401  401    401      401  401     401  401   401   401     401    401   403    403      403        401     401
GET /journeys/{journey:str}/steps/{token_id:str}                            303  303    303      303  303     303  303   303   303     303    303   303    303      303        303     303
GET /metrics                                                                200  200    200      200  200     200  200   200   200     200    200   200    200      200        200     200
GET /people                                                                 401  401    401      401  401     401  401   401   401     401    401   200    403      403        401     401
GET /people/{person_id:str}                                                 401  401    401      401  401     401  401   401   401     401    401   200    403      403        401     401
GET /profile                                                                401  401    401      401  401     401  401   401   401     401    401   200    200      200        401     401
GET /readyz                                                                 200  200    200      200  200     200  200   200   200     200    200   200    200      200        200     200
GET /runs                                                                   401  401    401      401  401     401  401   401   401     401    401   200    200      403        401     401
GET /runs/{run_id:str}                                                      401  401    401      401  401     401  401   401   401     401    401   200    200      403        401     401
GET /runs/{run_id:str}/output                                               401  401    401      401  401     401  401   401   401     401    401   404    404      403        401     401
GET /runs/{run_id:str}/payload                                              401  401    401      401  401     401  401   401   401     401    401   200    200      403        401     401
GET /schema/openapi.json                                                    200  200    200      200  200     200  200   200   200     200    200   200    200      200        200     200
GET /settings                                                               401  401    401      401  401     401  401   401   401     401    401   303    403      403        401     401
GET /settings/environments                                                  401  401    401      401  401     401  401   401   401     401    401   200    403      403        401     401
GET /settings/environments/{slug:str}/keys/{key_id:str}/revocation          401  401    401      401  401     401  401   401   401     401    401   200    403      403        401     401
GET /settings/outbox                                                        401  401    401      401  401     401  401   401   401     401    401   200    403      403        401     401
GET /settings/outbox/{mail_id:str}                                          401  401    401      401  401     401  401   401   401     401    401   404    403      403        401     401
GET /sign-in                                                                200  200    200      200  200     200  200   200   200     200    200   200    200      200        200     200
GET /sign-in/{secret:str}                                                   410  410    410      410  410     410  410   410   410     410    410   410    410      410        410     410
GET /static/{path:path}                                                     200  200    200      200  200     200  200   200   200     200    200   200    200      200        200     200
GET /tokens                                                                 401  401    401      401  401     401  401   401   401     401    401   200    200      403        401     401
GET /tokens/new                                                             401  401    401      401  401     401  401   401   401     401    401   200    200      403        401     401
GET /tokens/{token_id:str}                                                  401  401    401      401  401     401  401   401   401     401    401   200    200      403        401     401
GET /tokens/{token_id:str}/links                                            401  401    401      401  401     401  401   401   401     401    401   200    200      403        401     401
GET /tokens/{token_id:str}/output                                           401  401    401      401  401     401  401   401   401     401    401   404    404      403        401     401
GET /tokens/{token_id:str}/files/{file_id:str}                              401  401    401      401  401     401  401   401   401     401    401   404    404      403        401     401
PATCH /api/v1/waitpoints/tokens/{token_id:str}/request                      401  422    422      403  403     401  404   401   401     401    401   401    401      401        401     401
POST /api/v1/auth/jwt/claims                                                401  200    200      200  200     401  200   401   401     401    401   401    401      401        401     401
POST /api/v1/auth/public-tokens                                             401  200    403      403  200     401  200   401   401     401    401   401    401      401        401     401
POST /api/v1/runs/{run_id:str}/inputs/{name:str}                            401  200    403      200  403     401  404   401   401     401    401   401    401      401        401     401
POST /api/v1/runs/{run_id:str}/retry                                        401  200    200      403  403     401  404   401   401     401    401   401    401      401        401     401
POST /api/v1/tasks/{task:str}/trigger                                       401  200    200      403  403     401  200   401   401     401    401   401    401      401        401     401
POST /api/v1/waitpoints/tokens                                              401  200    200      403  403     401  200   401   401     401    401   401    401      401        401     401
POST /api/v1/waitpoints/tokens/{token_id:str}/callback/{digest:str}         200  200    200      200  200     200  200   200   200     200    200   200    200      200        200     200
POST /api/v1/waitpoints/tokens/{token_id:str}/cancel                        401  200    403      200  403     401  404   401   401     401    401   401    401      401        401     401
POST /api/v1/waitpoints/tokens/{token_id:str}/complete                      401  200    403      200  403     401  404   200   403     401    403   401    401      401        401     401
POST /api/v1/waitpoints/tokens/{token_id:str}/form                          401  415    403      415  403     401  415   415   403     401    403   401    401      401        401     401
POST /api/v1/waitpoints/tokens/{token_id:str}/files                         401  415    403      415  403     401  415   415   403     401    403   401    401      401        401     401
POST /api/v1/waitpoints/tokens/{token_id:str}/links                         401  200    200      403  403     401  404   401   401     401    401   401    401      401        401     401
POST /api/v1/waitpoints/tokens/{token_id:str}/links/{link_id:str}/revoke    401  404    404      403  403     401  404   401   401     401    401   401    401      401        401     401
POST /api/v1/workers/{worker:str}/calls                                     401  400    403      403  403     401  400  401   401     401    401   401    401      401        401     401
POST /api/v2/runs/{run_id:str}/cancel                                       401  200    200      403  403     401  404   401   401     401    401   401    401      401        401     401
POST /approve/{token_id:str}                                                401  401    401      401  401     401  401   303   401     410    401   303    303      403        401     401
POST /approve/{token_id:str}/opened                                         401  401    401      401  401     401  401   204   401     401    401   204    204      401        401     401
POST /approve/{token_id:str}/withdrawal                                     401  401    401      401  401     401  401   401   401     401    401   403    403      403        401     401
POST /docs/forms                                                            400  400    400      400  400     400  400   400   400     400    400   400    400      400        400     400
POST /engine/v1/runs/{run_id:str}/waitpoints/tokens/{token_id:str}/wait     401  200    403      403  200     401  404   401   401     401    401   401    401      401        401     401
POST /groups                                                                401  401    401      401  401     401  401   401   401     401    401   400    403      403        401     401
POST /groups/{slug:str}/members                                             401  401    401      401  401     401  401   401   401     401    401   400    403      403        401     401
POST /groups/{slug:str}/members/{person_id:str}/removal                     401  401    401      401  401     401  401   401   401     401    401   303    403      403        401     401
POST /groups/{slug:str}/removal                                             401  401    401      401  401     401  401   401   401     401    401   303    403      403        401     401
POST /inbox/{token_id:str}/answer                                           401  401    401      401  401     401  401   401   401     401    401   303    303      404        401     401
POST /journeys/{journey:str}/opened                                         401  401    401      401  401     401  401   401   401     401    401   401    401      401        401     401
POST /journeys/{journey:str}/steps/{token_id:str}                           401  401    401      401  401     401  401   401   401     401    401   403    403      403        401     401
POST /journeys/{journey:str}/steps/{token_id:str}/draft                     401  401    401      401  401     401  401   401   401     401    401   403    403      403        401     401
POST /people                                                                401  401    401      401  401     401  401   401   401     401    401   400    403      403        401     401
POST /people/{person_id:str}/groups                                         401  401    401      401  401     401  401   401   401     401    401   303    403      403        401     401
POST /people/{person_id:str}/letting-in                                     401  401    401      401  401     401  401   401   401     401    401   303    403      403        401     401
POST /people/{person_id:str}/role                                           401  401    401      401  401     401  401   401   401     401    401   400    403      403        401     401
POST /people/{person_id:str}/shutting-out                                   401  401    401      401  401     401  401   401   401     401    401   303    403      403        401     401
POST /people/{person_id:str}/sign-in-link                                   401  401    401      401  401     401  401   401   401     401    401   303    403      403        401     401
POST /profile                                                               401  401    401      401  401     401  401   401   401     401    401   400    400      400        401     401
POST /profile/password                                                      401  401    401      401  401     401  401   401   401     401    401   400    400      400        401     401
POST /profile/sign-out-everywhere                                           401  401    401      401  401     401  401   401   401     401    401   303    303      303        401     401
POST /runs/{run_id:str}/cancellation                                        401  401    401      401  401     401  401   401   401     401    401   303    303      403        401     401
POST /runs/{run_id:str}/retry                                               401  401    401      401  401     401  401   401   401     401    401   303    303      403        401     401
POST /settings/environments                                                 401  401    401      401  401     401  401   401   401     401    401   400    403      403        401     401
POST /settings/environments/{slug:str}/keys                                 401  401    401      401  401     401  401   401   401     401    401   400    403      403        401     401
POST /settings/environments/{slug:str}/keys/{key_id:str}/revocation         401  401    401      401  401     401  401   401   401     401    401   303    403      403        401     401
POST /settings/outbox/{mail_id:str}/retry                                   401  401    401      401  401     401  401   401   401     401    401   404    403      403        401     401
POST /sign-in                                                               400  400    400      400  400     400  400   400   400     400    400   400    400      400        400     400
POST /sign-in/{secret:str}                                                  410  410    410      410  410     410  410   410   410     410    410   410    410      410        410     410
POST /sign-out                                                              401  401    401      401  401     401  401   401   401     401    401   303    303      303        401     401
POST /tokens                                                                401  401    401      401  401     401  401   401   401     401    401   303    303      403        401     401
POST /tokens/{token_id:str}/cancellation                                    401  401    401      401  401     401  401   401   401     401    401   303    303      403        401     401
POST /tokens/{token_id:str}/completion                                      401  401    401      401  401     401  401   401   401     401    401   303    303      403        401     401
POST /tokens/{token_id:str}/links                                           401  401    401      401  401     401  401   401   401     401    401   400    400      403        401     401
POST /tokens/{token_id:str}/links/{link_id:str}/revocation                  401  401    401      401  401     401  401   401   401     401    401   404    404      403        401     401
POST /tokens/{token_id:str}/time-out                                        401  401    401      401  401     401  401   401   401     401    401   303    303      403        401     401
WS /api/v1/realtime                                                        1008  101   1008     1008  101    1008  101  1008  1008    1008    101  1008   1008     1008       1008    1008
WS /api/v1/workers                                                          403  101    403      403  403     403  101   403   403     403    403   403    403      403        403     403
WS /approve/{token_id:str}/live                                             403  403    403      403  403     403  403   101   403     403    403   101    101      403        403     403
WS /journeys/{journey:str}/live                                             403  403    403      403  403     403  403   403   403     403    403   403    403      403        403     403
WS /live/inbox                                                              403  403    403      403  403     403  403   403   403     403    403   101    101      101        403     403
WS /live/runs                                                               403  403    403      403  403     403  403   403   403     403    403   101    101      403        403     403
WS /live/runs/{run_id:str}                                                  403  403    403      403  403     403  403   403   403     403    403   101    101      403        403     403
WS /live/tokens                                                             403  403    403      403  403     403  403   403   403     403    403   101    101      403        403     403
WS /live/tokens/{token_id:str}                                              403  403    403      403  403     403  403   403   403     403    403   101    101      403        403     403
"""

_ADA = By(kind="person", door="page")
HEADINGS, *LINES = [line for line in TABLE.splitlines() if line]
PRINCIPALS = HEADINGS.split()
EXPECTED = {" ".join(line.split()[:2]): dict(zip(PRINCIPALS, line.split()[2:], strict=True)) for line in LINES}


@dataclass
class Cast:
    """Everybody's credentials in one house."""

    house: House
    headers: dict[str, dict[str, str]]

    def of(self, principal: str, token: SimpleNamespace) -> dict[str, str]:
        """What this principal sends; public access tokens are for `token`, or for another, or only to read it."""
        if principal in self.headers:
            return self.headers[principal]
        if principal in {"owner", "member", "approver"}:
            return {"cookie": f"waitpoint={self.house.sign_in(principal)}"}
        scope = {"right": f"write:waitpoints:{token.id}", "reader": f"read:waitpoints:{token.id}"}
        access = self.house.mint(scope.get(principal, f"write:waitpoints:{UNKNOWN_ID}"))
        return bearer(access)


def bearer(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}", "cookie": f"approval={credential}; waitpoint={credential}"}


@pytest.fixture(scope="module")
def cast(house: House) -> Cast:
    """Everybody, with what they have."""
    revoked = house.make_key()
    house.write(api_keys.revoke, revoked.id)
    expired = house.mint("write:waitpoints", seconds=1)
    house.clock.move(seconds=2)
    owner = house.write(people.add, "owner@example.com", "Owner", "owner").id
    signed_out = house.write(sign_in.begin, owner)
    house.write(sign_in.sign_out, signed_out.person.session_id)
    return Cast(
        house,
        {
            "nobody": {},
            "full": bearer(ADAS_KEY),
            **{scope: bearer(house.make_key(scope).secret) for scope in ("create", "complete", "read")},
            "revoked": bearer(revoked.secret),
            "cleo": bearer(CLEOS_KEY),
            "expired": bearer(expired),
            "signed-out": {"cookie": f"waitpoint={signed_out.cookie}"},
            "garbage": bearer("%%% {} ' OR 1=1"),
        },
    )


@pytest.mark.parametrize("route", EXPECTED)
def test_a_route_answers_each_principal_as_the_table_says(house: House, cast: Cast, route: str) -> None:
    """Whoever may ask is answered; everybody else hears the same, whatever they bring."""
    method, path = route.split()
    house.clock.move(minutes=1)  # guessing sign-in links is slowed down; this is not about that

    assert EXPECTED[route] == {principal: _answer(cast, principal, method, path) for principal in PRINCIPALS}


def test_every_route_is_in_the_table(house: House) -> None:
    """A new route is thought about here first."""
    assert sorted(EXPECTED) == routes_of(house)


def test_every_route_is_opened_by_a_guard_of_its_own(house: House) -> None:
    """Routes are closed until a guard, named as a sentence, opens them."""
    closed = []
    for route in house.app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else [route.route_handler]:
            methods = getattr(handler, "http_methods", {"WS"})
            if methods != {"OPTIONS"} and all(guard is closed_until_opened for guard in handler.resolve_guards()):
                closed.append(f"{methods} {route.path}")

    assert [] == closed


def test_the_short_way_has_the_guards_of_the_long_one(house: House, cast: Cast) -> None:
    """The hottest routes are answered beside the framework; a slash more leads through it, and is answered alike."""
    token = house.program(ADAS_KEY).make_token()
    for principal in PRINCIPALS:
        headers = cast.of(principal, token)
        for path in ("/api/v1/waitpoints/tokens", f"{token.path}/complete"):
            short = house.client.post(path, content=b"[]", headers=headers)
            long = house.client.post(path + "/", content=b"[]", headers=headers)

            assert (short.status_code, short.content) == (long.status_code, long.content)
            assert {*short.headers} == {*long.headers}


def test_options_say_which_methods_there_are_and_nothing_else(house: House, cast: Cast) -> None:
    """To everybody alike, with no body and no cookie."""
    token = house.program(ADAS_KEY).make_token()
    for route in house.app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        seen = set()
        for principal in PRINCIPALS:
            answer = house.client.options(concrete(house, route.path, token), headers=cast.of(principal, token))
            seen.add((answer.status_code, answer.content, answer.headers.get("allow"), "set-cookie" in answer.headers))

        assert 1 == len(seen), route.path
        assert False is next(iter(seen))[3]


def _answer(cast: Cast, principal: str, method: str, path: str) -> str:
    house = cast.house
    token = house.program(ADAS_KEY).make_token(timeout="1h")
    url = concrete(house, path, token)
    headers = {"origin": house.url, "sec-fetch-site": "same-origin", **cast.of(principal, token)}
    if method == "WS":
        return str(_knock(house, url, headers))
    return str(house.client.request(method, url, headers=headers, **_body(path)).status_code)


def concrete(house: House, path: str, token: SimpleNamespace) -> str:
    """The path with something in it that exists."""
    if path.startswith("/groups"):
        house.write(groups.add, "dev", "Developers", _ADA)
    values = {
        "token_id": token.id,
        "digest": house.callbacks.of(token.id),
        "run_id": _run(house) if "run_id" in path else "",
        "task": "moderation",
        "name": "approval",
        "worker": "w1",
        "secret": "unknown",
        "slug": "dev",
        "key_id": house.make_key().id if "key_id" in path else "",
        "mail_id": "mail_1",
        "link_id": "link_1",
        "journey": "onboarding:42",
        "file_id": "file_1",
        "path": "css/application.css",
        "kind": "csv",
        "person_id": house.write(people.add, f"{unique()}@example.com", "Mia", "member").id
        if "person_id" in path
        else "",
    }
    return re.sub(r"\{(\w+):\w+\}", lambda match: values[match[1]], path).replace("//", "/")


def _run(house: House) -> str:
    new = NewRun(task="moderation", payload="{}")
    return house.write(runs.trigger, house.dev.id, new, By(kind="api_key", door="rest")).run.id


def _body(path: str) -> dict[str, Any]:
    if path.endswith("/public-tokens"):
        return {"json": {"scopes": ["read:waitpoints"]}}
    if path.startswith("/api/") and path.endswith("/links"):
        return {"json": {"recipient": "ben@example.com"}}
    if path.startswith(("/api/", "/engine/")):
        return (
            {"json": {}} if not path.endswith("/wait") or path.startswith("/engine/") else {"params": {"timeout": "1s"}}
        )
    return {"data": {"decision": "approve", "timeout": "1h"}}


def _knock(house: House, path: str, headers: dict[str, str]) -> int:
    """101 when a socket opens and goes on, else the status or the code with which it is closed."""
    try:
        with connect(f"ws://127.0.0.1:{house.port}{path}", additional_headers=headers, proxy=None) as socket:
            if path.endswith("/workers"):
                socket.send('[{"id":1,"type":"hello","worker":"w","tasks":[],"slots":0}]')
                return 101 if '"reply":1' in str(socket.recv(timeout=5)) else 1006
            return _goes_on(socket, is_for_programs=path.startswith("/api/"))
    except InvalidStatus as refused:
        return refused.response.status_code


def _goes_on(socket: ClientConnection, *, is_for_programs: bool) -> int:
    try:
        if is_for_programs:
            socket.send('{"type":"subscribe"}')
        while '"type":"ready"' not in str(socket.recv(timeout=0.3)):
            pass
    except TimeoutError:
        return 101
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006
    return 101


def routes_of(house: House) -> list[str]:
    """Every route of the running application, but for OPTIONS, which has a claim of its own."""
    names = []
    for route in house.app.routes:
        if isinstance(route, HTTPRoute):
            methods = {method for handler in route.route_handlers for method in handler.http_methods}
            names += [f"{method} {route.path}" for method in methods - {"OPTIONS"}]
        elif isinstance(route, WebSocketRoute):
            names.append(f"WS {route.path}")
        else:
            names.append(f"ASGI {route.path}")
    return sorted(names)
