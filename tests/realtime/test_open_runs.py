"""Open pages about runs are pushed what happens to them."""

import pytest

from app.realtime import stories
from tests.makers import House, Program, unique
from tests.pages.test_run_pages import Work
from tests.realtime.listeners import showing
from tests.realtime.test_open_pages import drawn, environment


@pytest.fixture
def session(house: House) -> str:
    """The cookie of Ada, signed in."""
    return f"waitpoint={house.sign_in()}"


@pytest.fixture
def work(house: House, newcomer: Program) -> Work:
    return Work(house, newcomer)


def test_a_row_changes_in_place(house: House, work: Work, session: str) -> None:
    run, other = work.start(), work.start()
    with showing(house.url, drawn(house, f"/runs?{environment(work.program)}", session), session) as page:
        page.until("waiting_count")
        work.finish(run)
        html = page.until(f'id="run_row_{run.id}"')

    assert "Completed" in html
    assert f'id="run_row_{other.id}"' not in html


def test_new_runs_are_announced_and_counted(house: House, work: Work, session: str) -> None:
    """They move nothing. What happens to tokens is no business of this list."""
    with showing(house.url, drawn(house, f"/runs?{environment(work.program)}", session), session) as page:
        page.until("waiting_count")
        work.program.make_token()
        run = work.trigger()
        html = page.until("1 new</a>")
        html = html if "run_tabs" in html else html + page.until("run_tabs")

    assert f'id="run_row_{run.id}"' not in html
    assert 'Queued <span class="count">1</span>' in html


def test_a_list_announces_only_what_its_filters_let_in(house: House, work: Work, session: str) -> None:
    """By status, task and tag; what has gone on to another status is announced no more."""
    task = unique("task")
    path = f"/runs?{environment(work.program)}&status=executing&task={task}&tags=red"
    with showing(house.url, drawn(house, path, session), session) as page:
        page.until("waiting_count")
        work.start(tags=("red",))
        work.start(task, tags=("blue",))
        run = work.start(task, tags=("red", "large"))
        assert "2 new" not in page.until("1 new</a>")

        work.finish(run)

        assert "new</a>" not in page.until("<new-arrivals")


def test_the_page_of_a_run_follows_it(house: House, work: Work, session: str) -> None:
    """From the queue to its end, and then it is quiet."""
    task = unique("task")
    run = work.trigger(task)
    with showing(house.url, drawn(house, f"/runs/{run.id}", session), session) as page:
        page.until("waiting_count")
        run = work.claim(task)
        page.until("At work")
        work.finish(run, '"published"')
        html = page.until("published")

    assert 'hx-swap-oob="outerMorph"' in html
    assert "<page-title hidden>Completed" in html


def test_steps_appear_while_a_run_executes(
    house: House, work: Work, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are no events, so the page looks again by itself."""
    monkeypatch.setattr(stories, "LOOK_AGAIN", 0.02)
    run = work.start()
    with showing(house.url, drawn(house, f"/runs/{run.id}", session), session) as page:
        page.until("waiting_count")
        work.step(run, "1", "send_to_moderators")
        page.until("send_to_moderators")


def test_the_page_of_a_token_that_is_settled_keeps_its_links(house: House, work: Work, session: str) -> None:
    """What is pushed is drawn as the page was."""
    token = work.program.make_token()
    run = work.start()
    work.wait(run, "1", token.id)
    with showing(house.url, drawn(house, f"/tokens/{token.id}", session), session) as page:
        page.until("waiting_count")
        work.program.complete(token, 1)
        page.until('id="live"')
