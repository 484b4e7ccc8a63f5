"""Members, with Flask-Testing's classes and unittest's patches, on a database in memory."""

# ruff: noqa: PT009

import os
import tempfile
import urllib.request
from typing import Any
from unittest import mock

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_testing import LiveServerTestCase, TestCase
from library_flask import create_app, views
from library_flask.models import Member, db

BO = {"email": "bo@library.example", "name": "Bo", "password": "secret"}


class MembersTest(TestCase):
    def create_app(self) -> Flask:
        return create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": "sqlite://"})

    def setUp(self) -> None:
        db.create_all()

    def tearDown(self) -> None:
        db.session.remove()
        db.drop_all()

    def sign_up(self) -> Any:
        return self.client.post("/members", json=BO, follow_redirects=True)

    def test_sign_up_and_log_in(self) -> None:
        self.assertStatus(self.sign_up(), 201)
        member = Member.query.filter_by(email=BO["email"]).one()
        self.assertTrue(member.knows("secret"))
        reply = self.client.post("/login", json=BO)
        self.assert200(reply)
        self.assertEqual(reply.json["id"], member.id)
        headers = {"Authorization": f"Bearer {reply.json['token']}"}
        me = self.client.get("/members/me", headers=headers)
        self.assertEqual(me.json, member.show())

    def test_an_email_is_taken_once(self) -> None:
        self.sign_up()
        self.assertStatus(self.sign_up(), 409)
        self.assertEqual(Member.query.count(), 1)

    def test_the_door_can_be_closed(self) -> None:
        self.app.config["SIGN_UP_OPEN"] = False
        self.assert403(self.sign_up())

    @mock.patch("library_flask.views.post.send")
    def test_a_new_member_is_greeted(self, send: mock.Mock) -> None:
        self.sign_up()
        send.assert_called_once_with(BO["email"], "Welcome to the library")

    def test_a_patch_that_no_request_needs(self) -> None:
        with mock.patch.object(views, "timedelta") as unused:
            self.assertStatus(self.sign_up(), 201)
        unused.assert_not_called()


def test_a_closed_desk(monkeypatch: pytest.MonkeyPatch, client: FlaskClient) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise views.Refused(503, "the desk is closed")

    monkeypatch.setattr(views, "checked", refuse)
    assert client.post("/members", json=BO).status_code == 503


class LiveTest(LiveServerTestCase):
    def create_app(self) -> Flask:
        handle, self.file = tempfile.mkstemp(suffix=".db")
        os.close(handle)
        settings = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{self.file}", "LIVESERVER_PORT": 0}
        app = create_app(settings)
        with app.app_context():
            db.create_all()
        return app

    def tearDown(self) -> None:
        db.session.remove()
        db.drop_all()
        os.unlink(self.file)

    def test_a_member_signs_up_over_a_real_connection(self) -> None:
        request = urllib.request.Request(
            f"{self.get_server_url()}/members",
            data=b'{"email": "bo@library.example", "name": "Bo", "password": "secret"}',
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as reply:
            assert reply.status == 201
        assert Member.query.one().name == "Bo"


def test_a_letter_is_logged(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "now", lambda: None)
    with TestCase().assertLogs("library_flask.post", "INFO") as logs:
        assert client.post("/members", json=BO).status_code == 201
    assert "Welcome" in logs.output[0]
