"""The page of limits says what the code does."""

import re
from datetime import timedelta
from pathlib import Path

from app import durations
from app.access import authentication, public_access
from app.environments import api as environments_api
from app.environments import signing_keys
from app.files import lifecycle as files
from app.files import uploads
from app.pages import lists
from app.people import sign_in
from app.realtime import credentials, guests, lines, protocol
from app.requests import spec
from app.requests.forms import checking, effort, validation
from app.runs import api as runs_api
from app.runs import inputs, messages, waits
from app.runs import schemas as runs_schemas
from app.settings import Settings
from app.tokens import api, callbacks, lifecycle, queries, schemas, search
from app.web import strict_json

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "limits.md"

LIMITS: dict[str, object] = {
    "Body of a create or a cancel": f"{api.CREATE_LIMIT:,} bytes",
    "Body of a complete or a callback": f"{api.ANSWER_LIMIT:,} bytes",
    "Body of a request for a public access token": f"{environments_api._LIMIT:,} bytes",
    "Tags of a token": schemas.MOST_TAGS,
    "Length of a tag": f"{schemas.LONGEST_TAG} characters",
    "Idempotency key": f"{schemas.LONGEST_KEY:,} characters",
    "Reason of a cancellation": f"{schemas.LONGEST_REASON:,} characters",
    "Comment on the approval page": f"{schemas.LONGEST_COMMENT:,} characters",
    "`x-trigger-request-idempotency-key`": f"{api.LONGEST_REQUEST_KEY} characters",
    "Longest duration that can be written": f"{durations.LONGEST.days:,} days",
    "Body of a trigger, and of an input": f"{runs_api.TRIGGER_LIMIT:,} bytes",
    "Result of a step, output of a run, payload of a child": f"{messages.LARGEST_VALUE:,} bytes",
    "Call of a worker by HTTP": f"{messages.LARGEST_CALL:,} bytes",
    "Name of a task, and of an input": f"{runs_schemas.LONGEST_TASK} characters",
    "Values of one input that a run has not read": f"{inputs.MOST_UNREAD:,}",
    "Life of the idempotency key of a run, and of a sleep": f"{waits.KEY_LIFETIME.days} days",
    "Timeout of a token": f"{schemas.DEFAULT_TIMEOUT // timedelta(minutes=1)} minutes",
    "Life of an idempotency key": f"{schemas.DEFAULT_KEY_LIFETIME // timedelta(hours=1)} hour",
    "Memory for `x-trigger-request-idempotency-key`": f"{lifecycle.REQUEST_KEY_LIFETIME // timedelta(hours=1)} hours",
    "Page of a list": f"{lists.SIZE} tokens",
    "Long poll": f"{api.LONGEST_POLL:g} seconds",
    "Public access token that comes with a new token": f"{public_access.LIFETIME // timedelta(hours=1)} hours",
    "Depth": f"{strict_json.DEEPEST} levels",
    "Keys in one body": f"{strict_json.MOST_KEYS:,}",
    "Length of a key": f"{strict_json.LONGEST_KEY:,} characters",
    "Length of a number": f"{strict_json._LONGEST_NUMBER} characters",
    "Fields of a form that is posted to a callback URL": f"{callbacks._MOST_FIELDS:,}",
    "Timeout of a token with a request": f"{schemas.TIMEOUT_WITH_REQUEST.days} days",
    "Title of a request": f"{spec.LONGEST_TITLE} characters",
    "Body of a request": f"{spec.LONGEST_BODY:,} characters",
    "Requester, journey and title of a step": f"{spec.LONGEST_NAME} characters",
    "Decisions of a request": spec.MOST_DECISIONS,
    "Label of a decision": f"{spec.LONGEST_LABEL} characters",
    "Effect of a decision": f"{spec.LONGEST_EFFECT} characters",
    "Approvers of a request": spec.MOST_APPROVERS,
    "Steps of a journey": spec.MOST_STEPS,
    "Redirect of a request": f"{spec.LONGEST_URL:,} characters",
    "Size of a form's schema": f"{checking.LARGEST:,} bytes",
    "Schemas inside a form's schema": f"{checking.MOST_PARTS:,}",
    "Depth of a form's schema": f"{checking.DEEPEST} levels",
    "Visits that one value of an answer may cause": f"{effort.MOST_VISITS:,}",
    "Errors told at once": validation.MOST_ERRORS,
    "One file": f"{uploads.LARGEST // uploads.MEGABYTE} MB",
    "Files of one token": files.MOST,
    "Life of a file that no answer names": f"{files.LIFETIME // timedelta(hours=1)} hours",
    "Tokens on a page": queries.LARGEST_PAGE,
    "Tags in `filter[tags]`": queries.MOST_TAGS,
    "Count on the pages for people": f"{search.COUNT_LIMIT:,}",
    "`Authorization` header": f"{authentication._LONGEST_HEADER:,} characters",
    "Public access token": f"{public_access._LONGEST_TOKEN:,} characters",
    "Life of a public access token": f"{public_access.LONGEST_LIFETIME.days} days",
    "Scopes in one public access token": environments_api._MOST_SCOPES,
    "Grace of a retired signing key": f"{signing_keys.GRACE.days} days",
    "Sign-in link": f"{sign_in.LINK_LIFETIME // timedelta(hours=1)} hours, once",
    "Session of a person": f"{sign_in.SESSION_LIFETIME.days} days",
    "One environment, all its API keys together": f"{Settings().rate_limit:,} requests a second",
    "One public access token": f"{Settings().public_rate_limit} requests a minute",
    "One callback URL": f"{Settings().public_rate_limit} requests a minute",
    "One approval page": f"{Settings().public_rate_limit} requests a minute",
    "Sockets of one API key, public access token or person": guests.MOST_LINES,
    "Message from a program": f"{lines.LONGEST_MESSAGE:,} bytes",
    "Time to say who is asking": f"{credentials.AUTH_WITHIN:g} seconds",
    "Time without reading anything": f"{protocol.PATIENCE:g} seconds",
}


def test_every_limit_is_documented_as_it_is() -> None:
    """A number that changes in one place changes in the other."""
    documented = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", PAGE.read_text(), re.MULTILINE))

    assert {name: str(value) for name, value in LIMITS.items()} == {name: documented.get(name) for name in LIMITS}
