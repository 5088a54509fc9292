"""Open pages of a question are told when it is amended, and shown how it was answered."""

from tests.makers import House, Program
from tests.realtime.listeners import showing
from tests.requests.conftest import ask


def amend(ada: Program, path: str, **changes: str) -> None:
    assert 200 == ada.ask("PATCH", f"{path}/request", json=changes).status_code


def test_a_page_at_the_door_is_told_of_an_amendment(house: House, ada: Program) -> None:
    """And left alone otherwise: somebody may be writing. The answer is shown whole."""
    token = ask(ada, title="Publish?")
    cookie = f"approval={token.public_access_token}"

    with showing(house.url, f"/approve/{token.id}/live?version=x", cookie) as page:
        amend(ada, token.path, title="Delete?")
        told = page.until('id="amended"')
        assert 'hx-swap-oob="true"' in told
        assert "<form" not in told

        ada.complete(token, {"approved": True})
        shown = page.until('id="live"')
        assert "Approved" in shown
        assert "Delete?" in shown


def test_a_page_at_the_desk_shows_what_is_asked_now(house: House, ada: Program) -> None:
    """The question in place, and nothing of what somebody may be writing beside it."""
    token = ask(ada, title="Publish?")
    session = f"waitpoint={house.sign_in()}"

    with showing(house.url, f"/live/tokens/{token.id}?version=x", session) as page:
        page.until("waiting_count")
        amend(ada, token.path, title="Delete?")
        told = page.until('id="question"')

    assert '<h1 id="token_name" hx-swap-oob="innerHTML">Delete?</h1>' in told
    assert "<form" not in told
