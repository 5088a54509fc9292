"""Reading JSON: linear in the size of the body, whatever is in it."""

import gc
import json
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.tokens.callbacks import output_in
from app.web import strict_json
from app.web.problems import Problem

SIZE = 3_000_000
SHARE = 8
MOST = 3 * SHARE  # times as long as an eighth of it: what grows with the square takes 64 times as long
LEAST = 0.01  # seconds: what is refused at once is not measured closer
PLAIN = b"[" + b"1," * (SIZE // 2) + b"1]"
WORST = 20  # times as long as the standard library needs for numbers of the same size


def is_quick(read: Callable[[bytes], Any], made: Callable[[int], bytes]) -> bool:
    """Whether a body takes this thread about as much longer as it is larger, and no great many times what JSON takes.

    What these once took is counted in hours.
    """
    small, large = (_seconds(read, made(size)) for size in (SIZE // SHARE, SIZE))
    return large < MOST * max(small, LEAST) and large < WORST * _seconds(json.loads, PLAIN)


def _seconds(read: Callable[[bytes], Any], body: bytes) -> float:
    gc.disable()  # it looks through all that other tests have left behind
    try:
        began = time.thread_time()
        read(body)
        return time.thread_time() - began
    finally:
        gc.enable()


def keys(size: int) -> bytes:
    return json.dumps({str(number): 0 for number in range(size // 15)}).encode()


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "quotes that are never closed": lambda size: b"[" * 65 + b'"' + rb"\"" * (size // 2),
    "a backslash at the end": lambda size: b"[" * 65 + b'"' + rb"\"" * (size // 2) + b"\\",
    "backslashes": lambda size: b'["' + b"\\" * size,
    "opened and never closed": lambda size: b"[" * size,
    "closed and never opened": lambda size: b"]" * size,
    "opened in turn": lambda size: b'{"a":[' * (size // 6),
    "many small lists": lambda size: b"[" + b"[]," * (size // 3) + b"[]]",
    "one key twice among many": lambda size: keys(size)[:-1] + b',"9999":0}',
    "many keys": keys,
    "digits": lambda size: b"9" * size,
    "numbers": lambda size: b"[" + b"1," * (size // 2) + b"1]",
    "numbers beside a smile": lambda size: b"[" + b"1," * (size // 2) + rb'"\ud83d\ude00"]',
    "smiles": lambda size: b'["' + rb"\ud83d\ude00" * (size // 12) + b'"]',
    "blanks": lambda size: b" " * size + b"x",
}


@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_answered_soon(made: Callable[[int], bytes]) -> None:
    """The server reads bodies between other people's requests, so no body may hold it up."""
    problem = _problem(made(SIZE))

    assert problem is None or 400 == problem.status
    assert is_quick(_problem, made)


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (
            lambda size: b"&".join(b"f%d=1" % number for number in range(size // 300 - 1)) + b"&f9=1",
            "application/x-www-form-urlencoded",
        ),
        (lambda size: b"--x\r\n" * (size // 5), "multipart/form-data; boundary=x"),
        (lambda size: b"--x\r\nContent-Disposition: " + b"; name" * (size // 6), "multipart/form-data; boundary=x"),
        (
            lambda size: b"--x\r\n" + b"content-disposition: form-data\r\n" * (size // 32) + b"\r\n1\r\n--x--",
            "multipart/form-data; boundary=x",
        ),
        (lambda size: b"&" * size, "application/x-www-form-urlencoded"),
        (lambda size: b"%41" * (size // 3), "application/x-www-form-urlencoded"),
        (lambda size: b"a" * size, "text/plain; charset=" + "x" * 5_000),
        (lambda size: b"a" * size, "text/plain; charset=punycode"),
    ],
)
def test_a_hostile_callback_is_answered_soon(made: Callable[[int], bytes], kind: str) -> None:
    """Forms and texts, too."""
    problem = _callback_problem(made(SIZE), kind)

    assert problem is None or 400 == problem.status
    assert is_quick(lambda body: _callback_problem(body, kind), made)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(values, st.booleans())
@settings(max_examples=200, deadline=None)
def test_what_is_no_trouble_is_read_as_it_is(value: Any, as_ascii: bool) -> None:
    """Any JSON value passes unchanged, but for characters that a database or a browser cannot take."""
    text = json.dumps(value, ensure_ascii=as_ascii)
    body = text.encode("utf-8", "surrogatepass")
    troubled = "\\u0000" in text or "\\ud" in text or any("\ud800" <= letter <= "\udfff" for letter in text)

    try:
        assert value == strict_json.parse(body)
    except Problem:
        assert troubled


@given(st.binary(max_size=200), st.text(st.characters(max_codepoint=255), max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_bytes_under_any_type_are_an_output_or_a_clear_no(body: bytes, kind: str) -> None:
    """Nothing that a service posts breaks the server."""
    problem = _callback_problem(body, kind)

    assert problem is None or 400 == problem.status


escapes = st.sampled_from(
    [
        r"\\",
        r"\"",
        r"\n",
        r"\u0041",
        r"\u0000",
        r"\ud800",
        r"\uDBFF",
        r"\udc00",
        r"\uDFFF",
        r"\ud83d\ude00",
        "u0000",
        "ud800",
        "x",
    ]
)


@given(st.lists(escapes, max_size=8).map("".join))
@settings(max_examples=500, deadline=None)
def test_half_a_letter_is_found_wherever_it_hides(text: str) -> None:
    """Behind backslashes, between whole pairs, turned round."""
    body = f'["{text}"]'.encode()
    value = json.loads(body)[0]
    is_half = any("\ud800" <= letter <= "\udfff" for letter in value)

    problem = _problem(body)

    assert (problem is not None) == (is_half or "\x00" in value)
    assert problem is None or problem.code in {"invalid-unicode", "nul-character"}


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,320})(\.[0-9]{1,320})?([eE][+-]?[0-9]{1,5})?", fullmatch=True))
@settings(max_examples=300, deadline=None)
def test_a_number_passes_unless_it_is_too_large_to_be_read(text: str) -> None:
    """Too large is more than 300 characters, or infinite to a reader of doubles."""
    is_float = any(letter in text for letter in ".eE")
    is_too_large = len(text) > 300 or (is_float and math.isinf(float(text)))

    problem = _problem(text.encode())

    assert is_too_large == (problem is not None and problem.code == "number-out-of-range")


@given(st.integers(1, 200), st.sampled_from(["[]", "{}"]), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_depth_is_counted_exactly(levels: int, pair: str, beside: int) -> None:
    """64 levels pass and 65 do not, whatever lies beside them."""
    deep = "[" * (levels - 1) + pair + "]" * (levels - 1)
    body = f"[{','.join(['[[]]'] * beside + [deep])}]" if beside else deep
    depth = levels + 1 if beside else levels
    depth = max(depth, 3) if beside else depth

    problem = _problem(body.encode())

    assert (depth > 64) == (problem is not None and problem.code == "json-too-deep")


def _problem(body: bytes) -> Problem | None:
    try:
        strict_json.parse(body)
    except Problem as problem:
        return problem
    return None


def _callback_problem(body: bytes, kind: str) -> Problem | None:
    try:
        json.loads(output_in(body, kind))
    except Problem as problem:
        return problem
    return None
