"""A directory for tests, or the reason why there is none."""

import os
from pathlib import Path

import pytest

from parity_tests.config import DEFAULT
from parity_tests.stage.services.servers import slapd

LDIF = DEFAULT.with_name("directory.ldif")
"""The users of the journeys: alice and frank administrate, bob plans, carol views, dave sings."""


def require() -> None:
    """Skips the test that needs slapd; in CI its absence is a failure."""
    if slapd.installed():
        return
    if os.environ.get("CI"):
        pytest.fail(slapd.MISSING, pytrace=False)
    pytest.skip(slapd.MISSING)


def start(folder: Path, *, ldif: Path = LDIF) -> slapd.Slapd:
    require()
    return slapd.Slapd(ldif, folder)
