"""What a page says once, after something was done: a code in a cookie, read with the next page.

Only codes travel, never words, so nobody can make a page say something.
"""

from typing import Any

from litestar import Request, Response
from litestar.datastructures import Cookie

NAME = "flash"
LIFETIME = 60  # seconds

WORDS = {
    "token-created": "The token was created. It waits.",
    "token-cached": "This token was made before with the same idempotency key.",
    "token-completed": "Your answer was recorded.",
    "token-cancelled": "The token was cancelled.",
    "token-timed-out": "The token was timed out.",
    "too-late": "Nothing was changed: the token had been settled before.",
    "answer-recorded": "Your answer was recorded.",
    "run-cancelled": "The run was cancelled.",
    "run-finished": "Nothing was changed: the run had ended before.",
    "run-retried": "The run is queued once more. It keeps what is recorded; only what failed runs again.",
    "run-not-retried": "Nothing was changed: only a run that failed or was cancelled can be retried.",
    "environment-created": "The environment was created. Make a key for it next.",
    "key-revoked": "The key was revoked.",
    "draft-saved": "Saved. Go on whenever you like, on any device, with the same link.",
    "draft-too-late": "This step was answered before, so there is nothing to save.",
    "link-revoked": "The link was revoked.",
    "mail-tried-again": "The mail is tried again.",
    "signed-out": "You are signed out.",
    "signed-out-everywhere": "You are signed out everywhere.",
    "profile-saved": "Your profile was saved.",
    "password-changed": "Your password was saved. You are signed out everywhere else.",
    "person-invited": "They were added, and a mail with a sign-in link is on its way to them.",
    "person-invited-here": "They were added. No mail server is set, so make their sign-in link: “Signing in” says how.",
    "person-known": "They are here already. Nothing was changed, and no mail was sent.",
    "role-changed": "What they may do was saved.",
    "groups-changed": "The groups were saved.",
    "group-joined": "They were put into the group.",
    "group-left": "They were taken out of the group.",
    "link-mailed": "A mail with a sign-in link is on its way to them.",
    "link-not-mailed": "No mail server is set, so no mail leaves. Make their sign-in link: “Signing in” says how.",
    "disabled": "They are signed out, and kept out.",
    "enabled": "They can sign in again.",
    "group-added": "The group was made. Put people into it next.",
    "group-removed": "The group was taken away.",
}


def cookie(code: str, path: str = "/") -> Cookie:
    return Cookie(key=NAME, value=code, path=path, max_age=LIFETIME, httponly=True, samesite="lax")


def said(request: Request[Any, Any, Any]) -> str | None:
    return WORDS.get(request.cookies.get(NAME, ""))


def forget(response: Response[Any], request: Request[Any, Any, Any]) -> None:
    """Under the path of this page, too: that is where the door's cookie lies."""
    for path in {"/", request.scope["path"]}:
        response.delete_cookie(NAME, path=path)
