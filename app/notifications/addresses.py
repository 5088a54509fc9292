"""What counts as a mail address (B-46): a plain one, of a server that a name leads to."""

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

LONGEST_ADDRESS = 254  # characters, as RFC 5321 has it
_OF_PRIVATE_NETWORKS = ("local", "localhost", "test")

for _name in _OF_PRIVATE_NETWORKS:  # the library's own way to allow them
    if _name in SPECIAL_USE_DOMAIN_NAMES:
        SPECIAL_USE_DOMAIN_NAMES.remove(_name)


class BadAddress(ValueError):
    """No address that mail can be sent to. The message says why, and never needs the address again."""


def address_of(text: str) -> str:
    """The address as it is kept and compared: small letters, international domains as punycode. Raises BadAddress.

    Names without a dot and those of private networks are fine: this server may have a mail server beside it.
    """
    if len(text) > 2 * LONGEST_ADDRESS:
        raise BadAddress(f"an address has at most {LONGEST_ADDRESS} characters")
    try:
        valid = validate_email(
            text, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False, strict=True
        )
    except EmailNotValidError as error:
        raise BadAddress(str(error).rstrip(".")) from error
    if valid.ascii_email is None:
        raise BadAddress("the part before the @ has letters that mail servers do not understand")
    return valid.ascii_email.lower()
