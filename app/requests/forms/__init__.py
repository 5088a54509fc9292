"""Forms: a JSON Schema that an answer must satisfy, checked, drawn for a person and read back.

Nothing here touches a database. Every door (page, REST, callback, client, command line) asks the same `validate`.
"""

from .checking import check_schema
from .validation import FieldError, validate

__all__ = ["FieldError", "check_schema", "validate"]
