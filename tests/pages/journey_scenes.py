"""Journeys and links in every state, for the gallery."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app.journeys.journeys import Journey, Step
from app.journeys.views import around_of
from app.links.models import TOKEN, Link
from app.pages.leafing import Leaf
from app.pages.page import Frame
from app.requests.parsing import spec_in
from app.tokens.models import By, Token
from tests.pages.request_scenes import Scenes, asked, form_of

COMPANY: dict[str, Any] = {
    "title": "Tell us about your company",
    "form": {
        "type": "object",
        "properties": {"company": {"type": "string", "title": "Company"}, "vat": {"type": "string", "title": "VAT id"}},
        "required": ["company"],
    },
    "journey": "onboarding:42",
    "step": {"index": 1, "of": 3, "title": "Your company"},
}
BANK: dict[str, Any] = {
    "title": "Where do we send the money?",
    "body": "We pay out **every Monday**.",
    "form": {
        "type": "object",
        "properties": {"account": {"type": "string", "title": "Account number"}},
        "required": ["account"],
    },
    "journey": "onboarding:42",
    "step": {"index": 2, "of": 3, "title": "Your bank"},
}
BY = By(kind="api_key", door="rest")
LAST = BANK | {"step": {"index": 3, "of": 3, "title": "Your bank"}}


def scenes(
    waiting: Callable[..., Token], done: Callable[..., Token], cancelled: Token, desk: Frame, now: datetime
) -> Scenes:
    """The scenes, made with the gallery's own makers."""
    first = done(has_request=True, output='{"company":"Acme","vat":"DE 123 456 789"}')
    second = waiting(1, has_request=True)
    last = done(2, has_request=True, output='{"account":"DE02 1203 0000 0000 2020 51"}')
    withdrawn = msgspec.structs.replace(cancelled, has_request=True)
    question = {**asked(second, BANK), "token": second, "form": form_of(BANK, {"/account": "DE02 12"}), "refusal": None}
    nothing = {"token": None, "request": None, "question": None, "redirect_url": None, "goes_on_by_itself": False}

    def journey(*steps: tuple[Token, dict[str, Any]], **more: Any) -> dict[str, Any]:
        found = Journey("onboarding:42", tuple(Step(token, spec_in(request), BY) for token, request in steps), now)
        outcomes = [
            {"step": step, "outcome": asked(step.token, request)["outcome"], "settled_by": "Ben"}
            for step, (_, request) in zip(found.steps, steps, strict=True)
            if step.token.is_completed
        ]
        frame = Frame(path="/journeys/onboarding:42")
        return {"frame": frame, **nothing, **around_of(found, outcomes), "live_url": None, **more}

    asking = journey((first, COMPANY), (second, BANK), **question)
    return {
        "journey": ("journeys/show.html", asking),
        "journey-followed": (
            "journeys/show.html",
            journey((first, COMPANY), (second, BANK), (waiting(2, has_request=True), LAST), **question),
        ),
        "journey-refused": (
            "journeys/show.html",
            asking
            | {
                "form": form_of(BANK, {"/account": ""}, {"/account": "Account number is missing."}),
                "errors": {"f.account": "Account number is missing."},
            },
        ),
        "journey-saved": (
            "journeys/show.html",
            asking | {"frame": Frame(path="/journeys/x", flash="Saved. Go on whenever you like, on any device.")},
        ),
        "journey-late": (
            "journeys/show.html",
            asking | {"late": first, "typed": [("Company", "Acme " * 60), ("VAT id", "DE" + "1" * 200)]},
        ),
        "journey-checking": ("journeys/show.html", journey((first, COMPANY))),
        "journey-nothing": ("journeys/show.html", journey()),
        "journey-ended": ("journeys/show.html", journey((first, COMPANY), (withdrawn, BANK))),
        "journey-done": (
            "journeys/show.html",
            journey((first, COMPANY), (last, LAST), redirect_url="http://127.0.0.1/welcome"),
        ),
        "links": ("links/index.html", _links(second, desk, now)),
        "links-made": (
            "links/index.html",
            _links(second, desk, now)
            | {"made": f"https://wait.example.com/approve/x?link={'eyJh' * 60}", "made_for": "ben@example.com"},
        ),
        "links-none": (
            "links/index.html",
            _links(first, desk, now)
            | {
                "leaf": Leaf(path="/tokens/x/links"),
                "unwritten": ["mia@example.com"],
                "errors": {"recipient": "Write one mail address."},
            },
        ),
    }


def _links(token: Token, desk: Frame, now: datetime) -> dict[str, Any]:
    def link(number: int, recipient: str, **values: Any) -> Link:
        made, ends = now - timedelta(hours=number), now + timedelta(days=2)
        return Link(f"link_{number}", token.environment_id, TOKEN, token.id, recipient, made, ends, **values)

    links = [
        link(1, "ben@example.com", opened_at=now - timedelta(minutes=4)),
        link(2, "cora@example.com", used_at=now - timedelta(minutes=2)),
        link(3, "a." * 30 + "@example.com", revoked_at=now - timedelta(minutes=1)),
        link(4, "", opened_at=None),
    ]
    leaf = Leaf(path=f"/tokens/{token.id}/links", shown=links, total=len(links), found=len(links))
    around = {"frame": desk, "token": token, "leaf": leaf, "unwritten": [], "now": now, "values": {}, "errors": {}}
    return around | {"made": None, "made_for": None}
