"""The bridge before the library: `CUTOVER_ASSEMBLY=bridge:assemble cutover serve`."""

import os

from library_flask import create_app
from library_port import app, deps

from legacy_bridge.flask_fastapi import Assembly, pair


def assemble() -> Assembly:
    return pair(
        create_app(),
        app.from_environment(),
        database_url=os.environ["DATABASE_URL"],
        legacy_guarded=lambda view, method: hasattr(view, "checks_member"),
        ported_guards=[deps.member_only],
        rules_beside=__file__,
    )
