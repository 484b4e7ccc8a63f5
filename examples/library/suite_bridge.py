"""As `suite_target`, through the bridge: for a port that has only some operations yet.

The members' operations stay with the Flask app that the suite made, the books' are the port's.
"""

from typing import Any

from library_port import app, deps
from suite_target import LEGACY, settings_from

from legacy_bridge import assembly
from legacy_bridge.flask_fastapi import pair
from legacy_bridge.operations.operation import Mode
from legacy_bridge.settings import BridgeSettings

__all__ = ["LEGACY", "create_port", "settings_from"]


def create_port(settings: app.Settings, flask_app: Any) -> Any:
    port = app.create_app(settings, routers=[app.books.router])
    joined = pair(
        flask_app,
        port,
        database_url=settings.database_url,
        legacy_guarded=lambda view, method: hasattr(view, "checks_member"),
        ported_guards=[deps.member_only],
    )
    return assembly.bridge(joined, BridgeSettings(default_mode=Mode.PORTED))
