"""Questions in every state, for the gallery: asked, refused, changed, confirmed, answered, decided by default."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from app.pages.page import Frame
from app.requests import forms
from app.requests.answers import choices_of
from app.requests.parsing import spec_in
from app.requests.reading import Request
from app.requests.views import changes_between, late_title, question_of
from app.tokens.lifecycle import Refused
from app.tokens.models import By, Token

Scenes = dict[str, tuple[str, dict[str, Any]]]

FORM_PARTS: dict[str, Any] = {
    "amount": {
        "type": "number",
        "minimum": 1,
        "title": "Amount to refund",
        "description": "In euros, at most the price.",
    },
    "reason": {"enum": ["damaged", "late", "other"], "title": "Why"},
    "tell": {"type": "boolean", "title": "Tell the customer"},
}
FORM = {"type": "object", "properties": FORM_PARTS, "required": ["amount", "reason"]}
DECISIONS = [
    {
        "value": "publish",
        "label": "Publish",
        "effect": "Goes live at once, in all shops.",
        "output": {"approved": True},
    },
    {
        "value": "reject",
        "label": "Send back",
        "effect": "Ada is told, with your comment.",
        "output": {"approved": False},
        "require": ["comment"],
        "form": False,
    },
]
SALE: dict[str, Any] = {
    "title": "Publish the autumn sale?",
    "body": (
        "The sale **starts on Monday**. Please check\n\n- the *prices*,\n- the [landing page](https://shop.example.com/autumn).\n\n"
        "> Last year we forgot the shoes.\n\n| Shop | Opens |\n|---|---|\n| Berlin | 8:00 |\n| Wien | 9:00 |"
    ),
    "context": {
        "campaign": "autumn-2026",
        "starts_at": "2026-11-30T08:00:00Z",
        "is_public": True,
        "products": [{"sku": "A-1", "name": "Boots", "price": 89.9}, {"sku": "B-7", "name": "Scarf", "price": 19}],
        "owner": {"name": "Ada", "team": "Growth"},
        "notes": ["Checked by legal", "Photos are final"],
    },
    "diff": {
        "before": "Autumn sale\nAll boots 10 % off.\nUntil Sunday.",
        "after": "Autumn sale\nAll boots 20 % off.\nUntil Sunday.\nWhile stocks last.",
    },
    "decisions": DECISIONS,
    "requester": "ada@example.com",
    "onTimeout": {"output": {"approved": False, "comment": "Nobody answered in time."}},
}
REFUND: dict[str, Any] = {
    "title": "Refund order 8812?",
    "form": FORM,
    "proposed": {"amount": 12.5, "reason": "late"},
    "decisions": [
        {"value": "refund", "label": "Refund", "effect": "The money is sent at once.", "output": {"refunded": True}, "confirm": True, "style": "careful"},
        {"value": "keep", "label": "Keep the money", "output": {"refunded": False}, "require": ["comment"], "form": False, "style": "plain"},
    ],
}  # fmt: skip
ORDER: dict[str, Any] = {
    "title": "Place order 4711?",
    "form": {
        "type": "object",
        "properties": {
            "supplier": {"oneOf": [{"const": "a", "title": "Ackermann & Sons"}, {"const": "b", "title": "Bernstein"}]},
            "lines": {
                "type": "array",
                "items": {"type": "object", "properties": {"sku": {"type": "string"}, "qty": {"type": "integer"}}},
            },
            "notes": {"type": "array", "items": {"type": "string"}},
            "contract": {"type": "object", "format": "file"},
        },
    },
    "proposed": {
        "supplier": "a",
        "lines": [{"sku": "Boots, size 42, brown", "qty": 10}, {"sku": "Scarf", "qty": 3}],
        "notes": ["Before noon"],
    },
}
ORDERED = {
    "supplier": "b",
    "lines": [{"sku": "Boots, size 42, brown", "qty": 12}, {"sku": "Scarf", "qty": 3}],
    "notes": ["Before noon", "Not on Mondays"],
    "contract": {"id": "file_" + "0" * 36, "name": "Contract, signed.pdf", "type": "application/pdf", "size": 81_920},
}
ACCOUNT: dict[str, Any] = {
    "title": "Set up the account of the shop",
    "form": {
        "type": "object",
        "properties": {
            "host": {"type": "string", "format": "hostname"},
            "password": {"type": "string", "format": "password", "description": "Ask Ada if you do not know it."},
        },
        "required": ["host"],
    },
    "proposed": {"password": "x"},
}
HOSTILE: dict[str, Any] = {
    "title": "\u202egnp.exe <img src=x onerror=alert(1)> " + "x" * 150,
    "body": "<script>alert(1)</script> [Approved](https://evil.example/" + "y" * 200 + ") \u200b" + "z" * 300,
    "context": {
        "<b>": "\u202e" + "w" * 400,
        "deep": [[[[[[[[["x"]]]]]]]]],
        "n": [{"a" * 60: "b" * 200}, {"a" * 60: "c"}],
    },
    "diff": {"before": "d" * 300, "after": "e" * 300},
    "decisions": [{"value": "yes", "label": "y" * 60, "effect": "z" * 300}],
    "requester": "somebody" * 20,
}


def asked(token: Token, request: dict[str, Any], version: int = 1) -> dict[str, Any]:
    """A question as the views gather it."""
    spec = spec_in(request)
    by = By(kind="api_key", door="rest", id="key_1", name="shop")
    standing = Request(version, spec, by, token.created_at, token.created_at + timedelta(minutes=3))
    return question_of(token, standing) | {"files": f"/approve/{token.id}/files"}


def form_of(
    request: dict[str, Any], posted: dict[str, str] | None = None, errors: dict[str, str] | None = None
) -> forms.Control:
    form, proposed = forms.form_of(request["form"]), request.get("proposed", forms.UNKNOWN)
    typed = forms.typed_of(form, proposed) if posted is None else forms.typed_in(form, posted, proposed)
    return forms.controls(form, typed, errors or {})


def scenes(
    waiting: Callable[..., Token], done: Callable[..., Token], door: Callable[..., Any], desk: Callable[..., Any]
) -> Scenes:
    """The scenes, made with the gallery's own makers."""
    token = waiting(has_request=True)
    defaulted = {"default_output": '{"approved":false,"comment":"Nobody answered in time."}'}
    sale = waiting(has_request=True, **defaulted)
    wrong = form_of(
        REFUND, {"/amount": "much", "/reason": ""}, {"/amount": "Amount to refund must be a number, such as 12.50."}
    )
    account = form_of(ACCOUNT, {"/host": "?", "/password": "typed"}, {"/host": "Host must be the name of a host."})
    parts = {"amount": FORM_PARTS["amount"], "items": {"type": "array", "items": {"type": "string"}}}
    refund_of_parts = REFUND | {"form": {"type": "object", "properties": parts}, "proposed": {"amount": 10}}
    amended = SALE | {"title": "Publish the autumn sale, without boots?", "body": "Boots are *not* in it."}
    approved = done(has_request=True, output='{"approved":true,"comment":"Good to go.\\nBen"}')
    refunded = done(has_request=True, output='{"amount":10,"reason":"damaged","refunded":true}', default_output=None)
    ordered = done(has_request=True, output=msgspec.json.encode(ORDERED).decode(), default_output=None)
    nobody = msgspec.structs.replace(
        done(has_request=True, output=defaulted["default_output"]), answered_by="default", **defaulted
    )
    refund = choices_of(spec_in(REFUND))[0]
    refused = Refused("sign-in-required", "This request wants to know who answers: sign in first.")
    settled = {
        "question-approved": (approved, SALE),
        "question-edited": (refunded, REFUND),
        "question-edited-rows": (ordered, ORDER),
        "question-by-default": (nobody, SALE),
    }
    found: Scenes = {
        "question": ("approve/form.html", door(sale, **asked(sale, SALE))),
        "question-form": (
            "approve/form.html",
            door(token, **asked(token, REFUND), form=form_of(REFUND), has_inbox=True, answers_as="Ben"),
        ),
        "question-wrong": (
            "approve/form.html",
            door(
                token,
                **asked(token, REFUND),
                form=wrong,
                errors=forms.summary(wrong) | {"comment": "“Keep the money” needs a comment."},
            ),
        ),
        "question-secret": (
            "approve/form.html",
            door(token, **asked(token, ACCOUNT), form=account, errors=forms.summary(account)),
        ),
        "question-changed": (
            "approve/form.html",
            door(
                sale,
                **asked(sale, amended, 2),
                values={"comment": "Looks good\nto me"},
                changes=changes_between(spec_in(SALE), spec_in(amended)),
            ),
        ),
        "question-changed-form": (
            "approve/form.html",
            door(
                token,
                **asked(token, refund_of_parts, 2),
                form=form_of(refund_of_parts, {"/amount": "10"}),
                changes=changes_between(spec_in(REFUND), spec_in(refund_of_parts)),
                lost=[("Why", "damaged"), ("Tell the customer", "Yes")],
            ),
        ),
        "question-confirm": (
            "approve/confirm.html",
            door(token, **asked(token, REFUND), choice=refund, carried={"version": "1", "/amount": "12.5"}),
        ),
        "question-not-asked": ("approve/form.html", door(token, **asked(token, SALE), refusal=refused)),
        "question-hostile": ("approve/form.html", door(token, **asked(token, HOSTILE))),
        "question-desk": ("tokens/show.html", desk(sale, **asked(sale, SALE, 2))),
    }
    for name, (ended, request) in settled.items():
        view = asked(ended, request)
        found[name] = (
            "approve/settled.html",
            door(ended, **view) | {"late_title": late_title(ended, view["outcome"])},
        )
        found[f"{name}-desk"] = ("tokens/show.html", desk(ended, **view))
    late = asked(approved, SALE)
    found["question-late"] = (
        "approve/settled.html",
        door(approved, **late)
        | {
            "late_title": "This was already answered",
            "choice": "reject",
            "typed": [("Comment", "Not yet.\nThe price " + "is too high " * 40)],
            "frame": Frame(),
        },
    )
    return found
