"""A server in memory, written from the contract alone: what the SDK may rely on, without a network."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.cast import ADAS_KEY

BASE = "/api/v1/waitpoints/tokens"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class StandIn:
    """Answers as the contract says. `seen` holds every request, `next_answers` what to answer instead,
    `then` what happens right after the next answer.
    """

    def __init__(self, key: str = ADAS_KEY) -> None:
        self.key = key
        self.tokens: dict[str, dict[str, Any]] = {}
        self.seen: list[httpx.Request] = []
        self.next_answers: list[httpx.Response | Exception] = []
        self.then: Callable[[], None] | None = None
        self._answered: dict[str, httpx.Response] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.seen.append(request)
        if self.next_answers:
            answer = self.next_answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return problem(401, "Invalid API key")
        answer = self._once(request)
        then, self.then = self.then, None
        if then:
            then()
        return answer

    @property
    def last(self) -> httpx.Request:
        """The request that came last."""
        return self.seen[-1]

    @property
    def last_body(self) -> Any:
        """What the last request brought, as JSON."""
        return json.loads(self.last.content)

    def time_out(self, token_id: str) -> None:
        """The token's moment has come."""
        token = self.tokens[token_id]
        message = {"code": "TRIGGER_WAITPOINT_TIMEOUT", "message": f"Waitpoint timed out at {token['timeoutAt']}"}
        token.update(status="TIMED_OUT", completedAt=token["timeoutAt"], output=json.dumps(message), outputIsError=True)

    def _once(self, request: httpx.Request) -> httpx.Response:
        """A retry of a call gets the first answer again."""
        key = request.headers.get("x-trigger-request-idempotency-key", "")
        if request.method == "POST" and key in self._answered:
            return self._answered[key]
        answer = self._route(request)
        self._answered[key] = answer
        return answer

    def _route(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/api/v1/auth/public-tokens":
            return httpx.Response(200, json={"token": "a.public.token"})
        if path == BASE:
            return self._create(request) if request.method == "POST" else self._list(request)
        token_id, _, action = path.removeprefix(f"{BASE}/").partition("/")
        token = self.tokens.get(token_id)
        if token is None:
            return problem(404, "Waitpoint not found")
        match request.method, action:
            case ("GET", "" | "wait"):
                return httpx.Response(200, json=token)
            case ("POST", "complete"):
                return self._settle(token, request, output=json.dumps(json.loads(request.content).get("data")))
            case ("POST", "cancel"):
                reason = json.loads(request.content).get("reason")
                return self._settle(token, request, status="TIMED_OUT", cancelledAt=iso(START), cancelReason=reason)
        return problem(405, "Method Not Allowed")

    def _create(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        unknown = set(body) - {"timeout", "tags", "idempotencyKey", "idempotencyKeyTTL", "request"}
        if unknown:
            return problem(400, "Unknown key", errors=[{"pointer": f"/{name}"} for name in unknown])
        key = body.get("idempotencyKey")
        for token in self.tokens.values():
            if key and token.get("idempotencyKey") == key:
                return httpx.Response(200, json=created(token, is_cached=True))
        number = len(self.tokens)
        tags = body.get("tags", [])
        token = {
            "id": f"waitpoint_{number:03}",
            "type": "MANUAL",
            "url": f"http://testserver{BASE}/waitpoint_{number:03}/callback/hash",
            "status": "WAITING",
            "tags": [tags] if isinstance(tags, str) else tags,
            "createdAt": iso(START + timedelta(seconds=number)),
            "timeoutAt": iso(START + timedelta(minutes=10)),
            "outputType": "application/json",
            "outputIsError": False,
        }
        if key:
            token["idempotencyKey"] = key
        self.tokens[str(token["id"])] = token
        return httpx.Response(200, json=created(token, is_cached=False))

    def _settle(self, token: dict[str, Any], request: httpx.Request, **changes: Any) -> httpx.Response:
        if token["status"] != "WAITING":
            if request.headers.get("x-waitpoint-if-waiting") == "true":
                told = {"tokenStatus": token["status"], "completedAt": token["completedAt"]}
                return problem(409, "Token already completed", code="token-already-completed", **told)
            told = {"alreadyCompleted": True, "status": token["status"], "completedAt": token["completedAt"]}
            return httpx.Response(200, json={"success": True, **told})
        token.update({"status": "COMPLETED", "completedAt": iso(START + timedelta(minutes=1)), **changes})
        token["outputIsError"] = token["status"] == "TIMED_OUT"
        return httpx.Response(200, json={"success": True})

    def _list(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        wanted = query.get("filter[tags]", "").split(",")
        found = [
            {name: value for name, value in token.items() if name != "output"}
            for token in reversed(self.tokens.values())
            if wanted == [""] or set(wanted) & set(token["tags"])
        ]
        size = int(query.get("page[size]", "25"))
        start = int(query.get("page[after]", "0"))
        if "page[before]" in query:
            start = int(query["page[before]"]) - size
        pagination = {}
        if start + size < len(found):
            pagination["next"] = str(start + size)
        if start > 0:
            pagination["previous"] = str(start)
        return httpx.Response(200, json={"data": found[start : start + size], "pagination": pagination})


def created(token: dict[str, Any], *, is_cached: bool) -> dict[str, Any]:
    """What create answers."""
    return {"id": token["id"], "isCached": is_cached, "url": token["url"], "publicAccessToken": "a.public.token"}


def problem(status: int, error: str, **members: Any) -> httpx.Response:
    """An error body: a string `error`, with the members of a problem beside it."""
    return httpx.Response(status, json={"error": error, **members, "status": status})


def iso(moment: datetime) -> str:
    """As timestamps look on the wire."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
