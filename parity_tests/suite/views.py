"""Views that a suite itself adds to the application: nobody has ported those."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from parity_tests.suite.target import SuiteTarget


def view_of_suite(
    flask_app: Any, environ: dict[str, Any], target: SuiteTarget, root: Path
) -> str | None:
    """The module of the suite's own view for this request, if there is one. ``root``: where it lies."""
    try:
        endpoint, _ = flask_app.url_map.bind_to_environ(environ).match()
    except Exception:
        # 404, 405, a redirect: the application's own word
        return None
    view = flask_app.view_functions.get(endpoint)
    module = getattr(getattr(view, "view_class", view), "__module__", None)
    if module is None or target.has(module):
        return None
    if target.is_suite(module):
        return str(module)
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or "site-packages" in file or not Path(file).is_relative_to(root):
        return None
    return str(module)
