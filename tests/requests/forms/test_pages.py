"""The page that shows every kind of field: it works with nothing but HTML, and keeps nothing."""

import re

from tests.pages.conftest import Visitor, ben, house, text_of
from tests.pages.gallery import FILLED, HALF_FILLED
from tests.requests.forms.browsers import sent

__all__ = ["ben", "house"]


def test_a_form_is_filled_in_and_shows_what_the_program_is_given(ben: Visitor) -> None:
    fields = sent(ben.open("/docs/forms").text) | FILLED | {"/guests:rows": "1"}

    page = ben.send("/docs/forms", None, **fields)

    assert 200 == page.status_code
    assert "The program would be given" in text_of(page)
    assert '"order_number": "PO-77"' in text_of(page)


def test_what_is_wrong_is_said_in_a_summary_and_at_each_field(ben: Visitor) -> None:
    page = ben.send("/docs/forms", None, **HALF_FILLED)

    assert 400 == page.status_code
    linked = re.findall(r'<a href="#([^"]+)">', page.text.partition("error-summary")[2].partition("</ul>")[0])
    assert len(linked) >= 8
    assert [] == [place for place in linked if f'id="{place}"' not in page.text]
    assert (
        sent(page.text).items()
        >= {"/guests_expected": "many", "/deadline:zone": "Europe/Nowhere", "/extra": "{"}.items()
    )


def test_rows_are_added_and_removed_by_buttons(ben: Visitor) -> None:
    fields = sent(ben.open("/docs/forms").text)

    fields |= {"/guests/0/name": "Ada", "/email": "as typed", "rows": "add:/guests"}
    page = ben.send("/docs/forms", None, **fields)
    fields = sent(page.text) | {"rows": "remove:/guests/0"}
    again = ben.send("/docs/forms", None, **fields)

    assert (200, 200) == (page.status_code, again.status_code)
    assert {"/guests:rows": "2", "/guests/0/name": "Ada"}.items() <= sent(page.text).items()
    assert {"/guests:rows": "1", "/guests/0/name": "", "/email": "as typed"}.items() <= sent(again.text).items()
    assert "There is a problem" not in page.text + again.text


def test_a_form_of_another_site_is_refused(ben: Visitor) -> None:
    assert 403 == ben.send("/docs/forms", {"Origin": "https://evil.example"}, **FILLED).status_code
