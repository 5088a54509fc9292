"""Formats that forms need beside those of JSON Schema, and where people mean something else by the same name."""

import re
from datetime import time

_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{1,38}[0-9]")
_TIME = re.compile(r"([0-2][0-9]:[0-5][0-9])(:[0-5][0-9](\.[0-9]{1,9})?)?([zZ]|[+-][0-2][0-9]:[0-5][0-9])?")


def is_phone(text: str) -> bool:
    """A telephone number as people write it: digits, and the usual signs between them."""
    return _PHONE.fullmatch(text) is not None and sum(character.isdigit() for character in text) <= 20


def is_time(text: str) -> bool:
    """A time of day, with or without seconds and zone: what `datetime.time` and `<input type="time">` write.

    JSON Schema asks for a zone, which a time of day seldom has.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return False
    try:
        time.fromisoformat(found[1])
    except ValueError:
        return False
    return True


FORMATS = {"phone": is_phone, "tel": is_phone, "time": is_time}
