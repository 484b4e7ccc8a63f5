"""Serves one application by its name, on one port: what `wsgi = …` and `asgi = …` in a configuration do."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def load(reference: str) -> Any:
    """`module:app`, or `module:factory()`, which is called."""
    module, _, name = reference.partition(":")
    app = getattr(importlib.import_module(module), name.removesuffix("()") or "app")
    return app() if name.endswith("()") else app


def main(kind: str, reference: str, port: str) -> None:
    app = load(reference)
    try:
        _serve(kind, app, port)
    except ModuleNotFoundError as error:
        server = (error.name or "").partition(".")[0]
        if server not in ("werkzeug", "uvicorn"):
            raise
        sys.exit(f"`{kind} = …` needs {server}: pip install 'parity-tests[serve]'")


def _serve(kind: str, app: Any, port: str) -> None:
    if kind == "wsgi":
        from werkzeug.serving import run_simple

        run_simple("127.0.0.1", int(port), app, threaded=True)
        return
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", server_header=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
