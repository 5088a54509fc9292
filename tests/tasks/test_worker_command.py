"""`waitpoint worker` finds tasks, and says in a sentence what is wrong."""

from pathlib import Path

import pytest

from waitpoint import InvalidInput
from waitpoint._cli import main
from waitpoint._cli_worker import tasks_of


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside `orders.py`."""
    monkeypatch.chdir(Path(__file__).parent)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def test_all_tasks_of_a_module_are_found() -> None:
    """And steps are none."""
    found = {task.id for task in tasks_of("orders")}

    assert {"moderation", "counting", "branches", "parent", "busy", "flaky", "brittle", "guardian", "failing"} == found


def test_one_of_them_may_be_named() -> None:
    """By its name in the module."""
    assert ["moderation"] == [task.id for task in tasks_of("orders:moderate")]


@pytest.mark.parametrize("place", ["nowhere", "no.where", "orders:nothing", "orders:Approval", "json"])
def test_what_is_not_there_is_said(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a traceback."""
    with pytest.raises(InvalidInput):
        tasks_of(place)

    assert 2 == main(["worker", place])
    assert capsys.readouterr().err.startswith("waitpoint: ")


def test_without_a_key_there_is_no_worker(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said at once."""
    assert 1 == main(["worker", "orders"])
    assert "WAITPOINT_SECRET_KEY" in capsys.readouterr().err
