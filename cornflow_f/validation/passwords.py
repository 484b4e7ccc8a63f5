"""The rules for passwords and e-mail addresses. Source: the legacy's ``shared/validators.py``.

Each check returns the message for the client, or None when all is well.
"""

import re

from disposable_email_domains import blocklist

from cornflow_f.security import MAX_PASSWORD_BYTES, SPECIAL_CHARACTERS

_NEEDS_NUMBER_AND_SPECIAL = "Password must contain at least one number and one special character."
_EMAIL = re.compile(r"\b[A-Za-z0-9._-]+@[A-Za-z0-9.-]+\.[A-Z|a-z]{2,}\b")


def check_password_pattern(password: str | None) -> str | None:
    if password is None:
        return None
    if len(password) < 5:
        return "Password must contain at least 5 characters."
    if password.islower() or password.isupper():
        return "Password must contain uppercase and lowercase letters."
    if not any(character.isdigit() for character in password):
        return _NEEDS_NUMBER_AND_SPECIAL
    if not any(character in SPECIAL_CHARACTERS for character in password):
        return _NEEDS_NUMBER_AND_SPECIAL
    return check_password_digestible(password)


def check_password_digestible(password: str) -> str | None:
    # legacy-5xx: the legacy fails on these: bcrypt refuses them.
    try:
        encoded = password.encode()
    except UnicodeEncodeError:
        return "Password must be valid text."
    if len(encoded) > MAX_PASSWORD_BYTES:
        return f"Password must not be longer than {MAX_PASSWORD_BYTES} bytes."
    return None


def check_email_pattern(email: str | None) -> str | None:
    # parity: only the beginning must look like an address (shared/validators.py, check_email_pattern)
    if email is None or _EMAIL.match(email) is None:
        return "Invalid email address."
    if email.split("@")[1] in blocklist:
        # parity: without the full stop, unlike the message above
        return "Invalid email address"
    return None
