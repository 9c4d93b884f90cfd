"""What a database says when it refuses a user, in one line that says what to do."""

from __future__ import annotations

import re

_REFUSALS = (
    (r"permission denied for [a-z]+ \S+", "use a role that has this right"),
    (r'password authentication failed for user "[^"]*"', "check the password in ~/.pgpass or PGPASSWORD"),
    (r"no password supplied", "put the password into ~/.pgpass or PGPASSWORD"),
    (r'no pg_hba\.conf entry for [^"]*"[^"]*"(, user "[^"]*", database "[^"]*")?(, no encryption)?',
     "ask for an entry there, or set PGSSLMODE=require"),
    (r"SSL error: certificate verify failed", "name the server's certificate in PGSSLROOTCERT"),
)  # fmt: skip


def refusal(text: str) -> str | None:
    """Why PostgreSQL refuses a user, and what to do; None for another kind of error.

    Parameters
    ----------
    text : the message of an exception.

    Examples
    --------
    >>> refusal("(psycopg.errors.InsufficientPrivilege) permission denied for table studies [SQL: INSERT ...]")
    'permission denied for table studies; use a role that has this right'
    """
    for pattern, remedy in _REFUSALS:
        if found := re.search(pattern, text):
            return f"{' '.join(found[0].split())}; {remedy}"
    return None
