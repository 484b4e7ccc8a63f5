"""The bridge before the library: `CUTOVER_ASSEMBLY=bridge:assemble cutover serve`."""

import os

from library_flask import create_app
from library_port import app, deps

from legacy_bridge.pair import Assembly, pair


def assemble() -> Assembly:
    url = os.environ["DATABASE_URL"]
    return pair(
        create_app(),
        app.create_app(app.Settings(url)),
        database_url=url,
        legacy_guarded=lambda view, method: hasattr(view, "checks_member"),
        ported_guards=[deps.member_only],
    )
