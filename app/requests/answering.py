"""A question on its page, and what becomes of what a person sends back.

Who stands at the door is `approval`'s business; here it is shown what is asked, and an answer is taken. Whatever is
wrong with one is said at its field, and nothing that was typed is lost.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Request, Response

from ..files.posted import form_with_files
from ..files.uploads import Glance, uploads_for
from ..pages import flash, words
from ..pages.answers import see_other
from ..pages.forms import Form, SentTwice
from ..pages.page import page
from ..service import service_of
from ..tokens.api import settle
from ..tokens.lifecycle import Answer, NotFound, Refused, Settled
from ..tokens.models import By, Token
from ..tokens.pages import output_of as plain_output_of
from ..tokens.search import certain
from ..tokens.views import View
from ..web.problems import Problem
from . import forms
from .answers import Choice, check, choices_of, output_of, takes_a_comment, untouched
from .api import requests_of
from .asking import UNKNOWN_FILE
from .forms import UNKNOWN, Control
from .models import COMMENT
from .reading import Request as StandingRequest
from .reading import at_version
from .redirects import is_allowed
from .spec import Spec
from .values import is_same
from .views import answer_in, changes_between, door_view, lost_between, typed_in_words

Asked = Request[Any, Any, Any]

_CONFIRMED, _BACK, _VERSION, _DECISION = "confirmed", "back", "version", "decision"
_OURS = {_CONFIRMED, _BACK, _DECISION}


class Place(msgspec.Struct, frozen=True):
    """Where a question is drawn and answered: on its own page, or as a step of a journey."""

    path: str
    action: str
    template: str = "approve/form.html"
    is_journey: bool = False
    beside: Mapping[str, Any] = {}
    """What its template wants besides."""


def own_place(token_id: str) -> Place:
    """The approval page of a token."""
    return Place(f"/approve/{token_id}", f"/approve/{token_id}")


class TooLate(Exception):
    """A step of a journey was settled before this answer to it: the token as it ended, and what was filled in, in words."""

    def __init__(self, token: Token, typed: Sequence[tuple[str, str]]) -> None:
        super().__init__(token.id)
        self.token = token
        self.typed = typed


class Filled(msgspec.Struct):
    """What a person has filled in, as it stands on the page: by the names of the controls."""

    posted: Form
    form: Control | None = None
    errors: dict[str, str] = {}


async def show(
    request: Asked, token_id: str, environment_id: str, by: By, place: Place | None = None
) -> Response[str] | None:
    """The question, or how it was answered; None when there is none."""
    view = await _view(request, token_id, environment_id, by)
    if view is None:
        return None
    if view["token"].is_settled:
        return _settled(request, view)
    return _question(request, place or own_place(token_id), view, as_asked(view["request"]))


async def take(
    request: Asked, token_id: str, environment_id: str, by: By, place: Place | None = None
) -> Response[Any] | None:
    """What becomes of a form that was sent: the answer is recorded, or the page says what is wrong. None: no such token.

    Raises TooLate in a journey, which goes on.
    """
    place = place or own_place(token_id)
    view = await _view(request, token_id, environment_id, by)
    may_send = view is not None and view["token"].is_waiting and view["refusal"] is None
    uploads = uploads_for(request, token_id, environment_id) if may_send else Glance()
    try:
        posted = await form_with_files(request, uploads)
    except SentTwice as problem:
        if view is None or view["token"].is_settled:
            raise
        return _twice(request, place, view, problem.once)
    if view is None:
        return None
    if view["token"].is_settled:
        return _too_late(request, place, view, posted)
    if view["request"] is None:
        return await _take_plain(request, place, view, posted, by)
    return await _take(request, place, view, posted, by)


def _twice(request: Asked, place: Place, view: View, once: Form) -> Response[str]:
    """The page with what was sent once: it cannot be known which of two was meant."""
    standing: StandingRequest | None = view["request"]
    filled = Filled(once) if standing is None else as_filled(standing.spec, once)
    filled.errors[_DECISION] = "Something was sent twice, so nothing was recorded. Choose one answer."
    return _question(request, place, view, filled, status_code=400)


async def _take(request: Asked, place: Place, view: View, posted: Form, by: By) -> Response[Any] | None:
    standing: StandingRequest = view["request"]
    filled = as_filled(standing.spec, posted)
    if view["refusal"] is not None:
        return _question(request, place, view, filled, status_code=403)
    if posted.get(_VERSION) != str(standing.version):
        return await _stale(request, place, view, filled)
    if _BACK in posted or forms.ROWS_BUTTON in posted:
        return _question(request, place, view, filled)
    choice = _choice(standing.spec, posted)
    if choice is None:
        filled.errors[_DECISION] = f"Choose {_either([each.label for each in choices_of(standing.spec)])}."
        return _question(request, place, view, filled, status_code=400)
    output = _output(standing.spec, choice, filled)
    if filled.errors:
        return _question(request, place, view, filled, status_code=400)
    if choice.confirm and posted.get(_CONFIRMED) != choice.value:
        return _confirmation(request, place, view, filled, choice)
    return await _record(request, place, view, filled, output, by)


async def _record(
    request: Asked, place: Place, view: View, filled: Filled, output: dict[str, Any], by: By
) -> Response[Any] | None:
    service, token = service_of(request), view["token"]
    standing: StandingRequest = view["request"]
    answer = Answer(output=msgspec.json.encode(output).decode(), seen_version=standing.version)
    try:
        answer = await requests_of(service).check(token.id, answer, "")
        settlement = await settle(service, token.id, token.environment_id, answer, by)
    except Problem as problem:
        if problem.status != 422:
            raise
        gone = {each["pointer"]: each["detail"] for each in problem.errors if each["code"] == UNKNOWN_FILE}
        if gone:
            return _question(request, place, view, _without(standing.spec, filled, gone), status_code=400)
        filled.errors[_DECISION] = (
            problem.detail
        )  # it was amended this very moment, so that the answer does not fit any more
        return await _again(request, place, token, by, filled, 409)
    return await _told(request, place, view, filled, settlement, by)


def _without(spec: Spec, filled: Filled, gone: dict[str, str]) -> Filled:
    """The form without files that are not here any more, which is said at their fields."""
    posted = {name: text for name, text in filled.posted.items() if name not in gone}
    form = _drawn(spec, posted, gone)
    return Filled(posted, form, forms.summary(form))


async def _told(
    request: Asked, place: Place, view: View, filled: Filled, settlement: Any, by: By
) -> Response[Any] | None:
    """What a person is told of how it went."""
    token: Token = view["token"]
    match settlement:
        case Settled():
            return see_other(place.path, say="answer-recorded", flash_path=place.path)
        case NotFound():
            return None
        case Refused():
            return await _again(request, place, token, by, filled, 403)
        case _:  # amended, or answered by somebody else
            return await _again(request, place, token, by, filled, 409)


async def _again(
    request: Asked, place: Place, token: Token, by: By, filled: Filled, status_code: int
) -> Response[Any] | None:
    """The page as things stand now, with everything that was typed."""
    view = await _view(request, token.id, token.environment_id, by)
    if view is None:
        return None
    if view["token"].is_settled:
        return _too_late(request, place, view, filled.posted)
    if view["request"] is not None and filled.posted.get(_VERSION) != str(view["request"].version):
        return await _stale(request, place, view, filled)
    return _question(request, place, view, filled, status_code=status_code)


async def _stale(request: Asked, place: Place, view: View, filled: Filled) -> Response[str]:
    """The question has changed since it was opened: what changed, and the question again."""
    standing: StandingRequest = view["request"]
    seen = filled.posted.get(_VERSION, "")
    before = None
    if seen.isascii() and seen.isdecimal() and len(seen) < 10:
        database = service_of(request).database
        before = await database.read(at_version, view["token"].id, int(seen))
    again = as_filled(standing.spec, filled.posted)
    if before is None:
        return _question(request, place, view, again, status_code=409, changes=[])
    changes, lost = changes_between(before, standing.spec), lost_between(before, standing.spec, filled.posted)
    return _question(request, place, view, again, status_code=409, changes=changes, lost=lost)


async def _take_plain(request: Asked, place: Place, view: View, posted: Form, by: By) -> Response[Any] | None:
    """The answer to a token that asks nothing in particular: approve or send back."""
    token: Token = view["token"]
    output, errors = plain_output_of({name: value for name, value in posted.items() if name != "data"})
    if output is None:
        return _question(request, place, view, Filled(posted, errors=errors), status_code=400)
    settlement = await settle(service_of(request), token.id, token.environment_id, Answer(output=output), by)
    return await _told(request, place, view, Filled(posted), settlement, by)


def _choice(spec: Spec, posted: Form) -> Choice | None:
    return next((each for each in choices_of(spec) if each.value == posted.get(_DECISION)), None)


def _output(spec: Spec, choice: Choice, filled: Filled) -> dict[str, Any]:
    """What the program would receive; what is wrong with it goes to the fields."""
    posted = filled.posted
    value: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    if choice.needs_form and spec.form is not None:
        form = forms.form_of(spec.form)
        original = UNKNOWN if spec.proposed is None else spec.proposed
        typed = forms.typed_in(form, posted, original)
        reading = forms.read(form, typed, original)
        value, wrong = reading.value, dict(reading.errors)
    comment = posted.get(COMMENT, "").strip() if takes_a_comment(spec) else ""
    output = output_of(choice, value, comment)
    found = check(spec, output)
    for error in found if isinstance(found, list) else ():
        if error.pointer == f"/{COMMENT}" and takes_a_comment(spec):
            filled.errors[COMMENT] = error.detail
        elif error.code == "required" or not wrong:
            wrong.setdefault(error.pointer, error.detail)
    if wrong and spec.form is not None:
        filled.form = _drawn(spec, posted, wrong)
        filled.errors = forms.summary(filled.form) | filled.errors
    if wrong and not filled.errors:
        filled.errors[_DECISION] = next(iter(wrong.values()))
    return output


def as_filled(spec: Spec, posted: Form) -> Filled:
    """A form with what somebody has typed."""
    return Filled(posted, form=None if spec.form is None else _drawn(spec, posted, {}))


def _drawn(spec: Spec, posted: Form, errors: dict[str, str]) -> Control:
    """The form with what was typed."""
    assert spec.form is not None  # noqa: S101 - the callers ask
    form = forms.form_of(spec.form)
    typed = forms.typed_in(form, posted, UNKNOWN if spec.proposed is None else spec.proposed)
    deed = posted.get(forms.ROWS_BUTTON)
    if deed is None:
        return forms.controls(form, typed, errors)
    typed = forms.with_rows(form, typed, deed)
    return forms.controls(form, typed, errors, focus=forms.focus_after(typed, deed))


def as_asked(standing: StandingRequest | None) -> Filled:
    """The form before anybody has touched it."""
    if standing is None or standing.spec.form is None:
        return Filled({})
    return Filled({}, form=forms.controls(forms.form_of(standing.spec.form), untouched(standing.spec)))


async def _view(request: Asked, token_id: str, environment_id: str, by: By) -> View | None:
    view = await certain(service_of(request).database, door_view, token_id, environment_id, by)
    if view is not None and request.method != "GET":
        view["tells_opened"] = False  # who sends a form has had its page before them, and that page has told so
    return view


def _question(
    request: Asked,
    place: Place,
    view: View,
    filled: Filled,
    *,
    status_code: int = 200,
    changes: list[Any] | None = None,
    lost: Sequence[tuple[str, str]] = (),
) -> Response[str]:
    """The question with what was filled in: in its form, or in words for whoever may not answer any more."""
    standing: StandingRequest | None = view["request"]
    typed = [] if standing is None or view["refusal"] is None else typed_in_words(standing.spec, filled.posted)
    return page(
        request,
        place.template,
        status_code=status_code,
        **{
            "live_url": f"{place.path}/live",
            "action": place.action,
            **view,
            **place.beside,
            "form": filled.form,
            "values": filled.posted,
            "errors": filled.errors,
            "changes": changes,
            "lost": lost,
            "typed": typed,
        },
    )


def _confirmation(request: Asked, place: Place, view: View, filled: Filled, choice: Choice) -> Response[str]:
    """Asked once more, with everything that was filled in carried along."""
    carried = {name: value for name, value in filled.posted.items() if name not in _OURS}
    return page(request, "approve/confirm.html", **view, action=place.action, choice=choice, carried=carried)


def _too_late(request: Asked, place: Place, view: View, posted: Form) -> Response[Any]:
    """Somebody was quicker: how it was answered, and that this choice was not recorded."""
    standing: StandingRequest | None = view["request"]
    typed = typed_in_words(None if standing is None else standing.spec, posted)
    if place.is_journey:
        raise TooLate(view["token"], typed)
    is_same = _is_recorded(view, posted)
    return _settled(request, view, status_code=409, choice=posted.get(_DECISION), is_same=is_same, typed=typed)


def _is_recorded(view: View, posted: Form) -> bool:
    """Whether the answer that stands is what somebody has sent too late: all of it, and not the decision alone."""
    token, standing = view["token"], view["request"]
    if not token.is_completed or token.is_default:
        return False
    if standing is None:
        chosen = {"approved": posted.get(_DECISION) == "approve", "comment": posted.get(COMMENT, "").strip()}
        return words.decision(token) == chosen
    choice = _choice(standing.spec, posted)
    sent = None if choice is None else _output(standing.spec, choice, as_filled(standing.spec, posted))
    return sent is not None and is_same(sent, answer_in(token))


def _settled(
    request: Asked,
    view: View,
    *,
    status_code: int = 200,
    choice: str | None = None,
    is_same: bool = False,
    typed: Sequence[tuple[str, str]] = (),
) -> Response[str]:
    """How it was answered; to somebody who chose too late, that their choice was not recorded, and what they typed."""
    if choice is not None and view["token"].is_completed and not view["token"].is_default:
        view["late_title"] = "This was already answered"
    return page(
        request,
        "approve/settled.html",
        status_code=status_code,
        **view,
        **_onward(request, view),
        choice=choice,
        is_same=is_same,
        typed=typed,
    )


def _onward(request: Asked, view: View) -> dict[str, Any]:
    """Where somebody goes on who has answered: by a button, and right after the answer without being asked."""
    standing: StandingRequest | None = view["request"]
    url = standing.spec.redirect_url if standing is not None and not standing.spec.journey else ""
    if not view["token"].is_completed or not is_allowed(url, service_of(request).settings.redirect_urls):
        return {"redirect_url": None, "goes_on_by_itself": False}
    return {"redirect_url": url, "goes_on_by_itself": request.cookies.get(flash.NAME) == "answer-recorded"}


def _either(labels: list[str]) -> str:
    *others, last = labels
    return f"{', '.join(others)} or {last}" if others else last
