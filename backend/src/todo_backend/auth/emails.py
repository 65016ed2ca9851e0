"""What is an e-mail address, and which of them are one and the same."""

from dataclasses import dataclass
from typing import Final

import email_validator
from email_validator import EmailNotValidError, validate_email

ADDRESS_MAX: Final = 254
CONSTRAINT: Final = "must be a valid e-mail address"

# Names such as `office.local` and `example.test`: who can read mail there, may sign up. The library
# has no option for it and documents its list as one to change.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


@dataclass(frozen=True, slots=True)
class Address:
    """An address as `typed`, outer blanks apart, and the `key` by which it is compared."""

    typed: str
    key: str


def parse(text: str) -> Address:
    """Read an address of at most 254 characters whose domain has a dot; nothing is looked up.

    The part before the @ is ASCII, because mail systems don't agree on which other letters are the
    same. An international domain is the same address as its ASCII form (RFC 5891).
    Raises: ValueError with the constraint that is broken.
    """
    typed = text.strip(" \t")
    # Longer ones are refused before the library reads them, which takes more than linear time.
    if len(typed) > ADDRESS_MAX:
        raise ValueError(CONSTRAINT)
    try:
        found = validate_email(typed, allow_smtputf8=False, check_deliverability=False, strict=True)
    except EmailNotValidError:
        raise ValueError(CONSTRAINT) from None
    local, _, domain = typed.rpartition("@")
    if not _is_spelled_out(domain, found.ascii_domain):
        raise ValueError(CONSTRAINT)
    return Address(typed, f"{local}@{found.ascii_domain}".lower())


def _is_spelled_out(domain: str, ascii_domain: str) -> bool:
    """Whether each label is ASCII already, or stays international.

    A label that only turns into ASCII on the way, from full-width letters or a Kelvin sign, looks
    like somebody's domain and is none of its spellings (UTS 46, section 4).
    """
    labels, ascii_labels = domain.split("."), ascii_domain.split(".")
    return len(labels) == len(ascii_labels) and all(
        label.isascii() or coded.startswith("xn--")
        for label, coded in zip(labels, ascii_labels, strict=True)
    )
