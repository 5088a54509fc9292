"""Where the time of a run went, from what its events say."""

from datetime import datetime, timedelta

from app.clock import EPOCH
from app.events import Event
from app.runs.models import Run
from app.runs.picture import Picture, Stretch, picture_of

BEGAN = EPOCH + timedelta(days=20_000)


def moment(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def drawn(
    *log: tuple[float, str], ends: float | None = None, now: float = 100, steps: tuple[float, ...] = ()
) -> Picture:
    """A run whose status became this at these seconds."""
    run = Run(
        id="run_1", environment_id="env_1", task="t", status="QUEUED", payload="null", tags=(), created_at=BEGAN,
        available_at=BEGAN, attempt=1, generation=1, finished_at=None if ends is None else moment(ends),
    )  # fmt: skip
    events = [Event(n, "env_1", "run.x", run.id, None, moment(at), {"status": s}) for n, (at, s) in enumerate(log)]
    return picture_of(run, events, [moment(at) for at in steps], moment(now))


def test_each_stretch_is_as_long_as_it_took() -> None:
    """In percent of the whole, one behind the other."""
    picture = drawn((0, "QUEUED"), (10, "EXECUTING"), (30, "WAITING"), (90, "QUEUED"), (95, "EXECUTING"), (100, "COMPLETED"), ends=100)  # fmt: skip

    assert [
        Stretch("QUEUED", 0.0, 10.0),
        Stretch("EXECUTING", 10.0, 20.0),
        Stretch("WAITING", 30.0, 60.0),
        Stretch("QUEUED", 90.0, 5.0),
        Stretch("EXECUTING", 95.0, 5.0),
    ] == [*picture.stretches]
    assert {"QUEUED": 15.0, "EXECUTING": 25.0, "WAITING": 60.0} == picture.seconds
    assert 100.0 == picture.length


def test_events_that_change_no_status_make_no_border() -> None:
    """A wait that is opened while the run executes, for one."""
    picture = drawn((0, "EXECUTING"), (40, "EXECUTING"), (50, "EXECUTING"), now=80)

    assert (Stretch("EXECUTING", 0.0, 100.0),) == picture.stretches


def test_what_goes_on_reaches_to_now() -> None:
    picture = drawn((0, "QUEUED"), (10, "WAITING"), now=20)

    assert moment(20) == picture.ends_at
    assert Stretch("WAITING", 50.0, 50.0) == picture.stretches[-1]


def test_steps_are_marked_where_they_were_recorded() -> None:
    """Each place once; those before the first event that is known are left out."""
    picture = drawn((0, "EXECUTING"), now=100, steps=(-5, 25, 25, 75))

    assert (25.0, 75.0) == picture.marks
    assert 3 == picture.steps


def test_a_run_of_no_time_is_drawn_as_well() -> None:
    """Everything in one batch, or nothing known of it."""
    assert 0.0 == drawn((0, "QUEUED"), (0, "EXECUTING"), (0, "COMPLETED"), ends=0).length
    assert () == drawn(ends=0).stretches


def test_after_the_end_there_is_nothing() -> None:
    """A retried run has an end between its attempts; no time is counted there."""
    picture = drawn((0, "EXECUTING"), (10, "FAILED"), (90, "QUEUED"), now=100)

    assert {"QUEUED": 10.0, "EXECUTING": 10.0, "WAITING": 0.0} == picture.seconds
