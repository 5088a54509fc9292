"""A page that shows every kind of field. What is sent here is checked and shown, and kept nowhere."""

import json
from typing import Any

from litestar import Request, Response, get, post

from ...access.guards import anyone, forms_of_our_own_pages
from ...files.posted import form_with_files
from ...files.uploads import Glance
from ...pages.page import page
from . import ROWS_BUTTON, Control, controls, focus_after, form_of, read, summary, typed_in, typed_of, with_rows
from .gallery import EVERY_FIELD

Asked = Request[Any, Any, Any]


@get("/docs/forms", guards=[anyone])
async def show_fields(request: Asked) -> Response[str]:
    """Every kind of field, empty."""
    form = form_of(EVERY_FIELD)
    return _page(request, controls(form, typed_of(form)))


@post("/docs/forms", guards=[anyone, forms_of_our_own_pages], status_code=200)
async def try_fields(request: Asked) -> Response[str]:
    """What a program would be given, or what is wrong."""
    form, posted = form_of(EVERY_FIELD), await form_with_files(request, Glance())
    typed = typed_in(form, posted)
    deed = posted.get(ROWS_BUTTON)
    if deed is not None:
        typed = with_rows(form, typed, deed)
        return _page(request, controls(form, typed, focus=focus_after(typed, deed)))
    reading = read(form, typed)
    drawn = controls(form, typed, reading.errors)
    if reading.errors:
        return _page(request, drawn, status_code=400)
    return _page(request, drawn, value=reading.value)


ROUTES = [show_fields, try_fields]


def view(form: Control, value: Any = None) -> dict[str, Any]:
    """What the page is drawn with."""
    return {
        "form": form,
        "errors": summary(form),
        "value": None if value is None else json.dumps(value, indent=2, ensure_ascii=False),
        "schema": json.dumps(EVERY_FIELD, indent=2, ensure_ascii=False),
    }


def _page(request: Asked, form: Control, value: Any = None, *, status_code: int = 200) -> Response[str]:
    return page(request, "docs/forms.html", status_code=status_code, **view(form, value))
