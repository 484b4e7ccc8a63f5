"""The page at `/_cutover/`: who answers what, how it goes, and the controls. Plain files, nothing of a CDN."""

from legacy_bridge.control.dashboard.live import Live
from legacy_bridge.control.dashboard.log_in import client_of
from legacy_bridge.control.dashboard.routes import dashboard_routes

__all__ = ["Live", "client_of", "dashboard_routes"]
