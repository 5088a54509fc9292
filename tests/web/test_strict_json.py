"""Reading JSON: linear in the size of the body, whatever is in it."""

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.tokens.callbacks import output_in
from app.web import strict_json
from app.web.problems import Problem

SIZE = 3_000_000
LIMIT = 3.0  # seconds of this thread; what these bodies once took is counted in hours

HOSTILE = {
    "quotes that are never closed": b"[" * 65 + b'"' + rb"\"" * (SIZE // 2),
    "a backslash at the end": b"[" * 65 + b'"' + rb"\"" * (SIZE // 2) + b"\\",
    "backslashes": b'["' + b"\\" * SIZE,
    "opened and never closed": b"[" * SIZE,
    "closed and never opened": b"]" * SIZE,
    "opened in turn": b'{"a":[' * (SIZE // 6),
    "many small lists": b"[" + b"[]," * (SIZE // 3) + b"[]]",
    "one key twice among many": json.dumps({str(number): 0 for number in range(200_000)}).encode()[:-1] + b',"199999":0}',
    "many keys": json.dumps({str(number): 0 for number in range(200_000)}).encode(),
    "digits": b"9" * SIZE,
    "numbers": b"[" + b"1," * (SIZE // 2) + b"1]",
    "numbers beside a smile": b"[" + b"1," * (SIZE // 2) + rb'"\ud83d\ude00"]',
    "smiles": b'["' + rb"\ud83d\ude00" * (SIZE // 12) + b'"]',
    "blanks": b" " * SIZE + b"x",
}  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_answered_soon(body: bytes) -> None:
    """The server reads bodies between other people's requests, so no body may hold it up."""
    began = time.thread_time()

    problem = _problem(body)

    assert time.thread_time() - began < LIMIT
    assert problem is None or 400 == problem.status


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"&".join(b"f%d=1" % number for number in range(9_999)) + b"&f9998=1", "application/x-www-form-urlencoded"),
        (b"--x\r\n" * (SIZE // 5), "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: " + b"; name" * (SIZE // 6), "multipart/form-data; boundary=x"),
        (
            b"--x\r\n" + b"content-disposition: form-data\r\n" * (SIZE // 32) + b"\r\n1\r\n--x--",
            "multipart/form-data; boundary=x",
        ),
        (b"&" * SIZE, "application/x-www-form-urlencoded"),
        (b"%41" * (SIZE // 3), "application/x-www-form-urlencoded"),
        (b"a" * SIZE, "text/plain; charset=" + "x" * 5_000),
        (b"a" * SIZE, "text/plain; charset=punycode"),
    ],
)
def test_a_hostile_callback_is_answered_soon(body: bytes, kind: str) -> None:
    """Forms and texts, too."""
    began = time.thread_time()

    problem = _callback_problem(body, kind)

    assert problem is None or 400 == problem.status
    assert time.thread_time() - began < LIMIT


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
