"""A server-rendered Flask app: form log-in, cookie session, a token against forgery in each form.

`BUG=no-csrf` takes any form; `BUG=lapse` lets nobody in any more after eight requests.
"""

import os
import secrets

from flask import Flask, abort, redirect, request, session
from werkzeug.wrappers import Response

USERS = {"ann": "Ann-pw", "bo": "Bo-pw"}
BUG = os.environ.get("BUG", "")


def create_app() -> Flask:
    app = Flask(__name__)
    app.secret_key = os.environ.get("SECRET_KEY", "a key")
    asked: list[str] = []
    notes: dict[str, list[str]] = {name: [] for name in USERS}

    def form(action: str) -> str:
        token = session.setdefault("csrf", secrets.token_hex(8))
        return f'<form action="{action}"><input type="hidden" name="csrf_token" value="{token}"></form>'

    @app.before_request
    def check_form() -> None:
        sent = request.form.get("csrf_token") or request.headers.get("X-CSRFToken")
        if request.method == "POST" and BUG != "no-csrf" and sent != session.get("csrf"):
            abort(400, "forged")

    @app.get("/")
    def up() -> str:
        return "up"

    @app.get("/login")
    def page() -> str:
        return form("/login")

    @app.post("/login")
    def log_in() -> Response:
        name = request.form["email"]
        if USERS.get(name) != request.form["password"]:
            abort(403)
        session["user"] = name
        session["csrf"] = secrets.token_hex(8)
        return redirect("/notes")

    @app.get("/me")
    def me() -> dict[str, str]:
        return {"name": who()}

    @app.get("/notes")
    def list_notes() -> str:
        return form("/notes") + str(notes[who()])

    @app.post("/notes")
    def add() -> tuple[str, int]:
        notes[who()].append(request.form["text"])
        return request.form["text"], 201

    def who() -> str:
        if "user" not in session:
            abort(401)
        asked.append(request.path)
        if BUG == "lapse" and len(asked) > 8:
            abort(401)
        return str(session["user"])

    return app
