"""Forms: a JSON Schema that an answer must satisfy, checked, drawn for a person and read back.

Nothing here touches a database. Every door (page, REST, callback, client, command line) asks the same `validate`.
A page goes these steps:

    form = form_of(schema)
    page(…, form=controls(form, typed_of(form, proposed)))                 the question, with what was proposed
    typed = typed_in(form, posted, proposed)                               what came back
    if ROWS_BUTTON in posted:                                              a row was added or removed: draw again
        typed = with_rows(form, typed, posted[ROWS_BUTTON])
    reading = read(form, typed, proposed)                                  the value, and errors by control
    drawn = controls(form, typed, reading.errors); summary(drawn)          the same again, with what is wrong
    told(form, reading.value)                                              what was answered, for people to read
"""

from .checking import check_schema
from .comparing import changes_in_words
from .controls import Control, controls, names_kept_back_in, standing_in, summary
from .examples import example_in
from .fields import UNKNOWN, Form, Typed
from .filling import typed_in, typed_of
from .reading import Reading, read
from .rows import BUTTON as ROWS_BUTTON
from .rows import focus_after, with_rows
from .telling import Edit, edits, has_secrets, told
from .tree import form_of
from .validation import FieldError, validate

__all__ = [
    "ROWS_BUTTON",
    "UNKNOWN",
    "Control",
    "Edit",
    "FieldError",
    "Form",
    "Reading",
    "Typed",
    "changes_in_words",
    "check_schema",
    "controls",
    "edits",
    "example_in",
    "focus_after",
    "form_of",
    "has_secrets",
    "names_kept_back_in",
    "read",
    "standing_in",
    "summary",
    "told",
    "typed_in",
    "typed_of",
    "validate",
    "with_rows",
]
