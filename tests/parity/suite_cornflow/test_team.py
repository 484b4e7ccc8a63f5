"""Tests of Cornflow as its team may write them: Flask-Testing, the models, patches, a live server."""

# ruff: noqa: PT009

import json
import os
import tempfile
from typing import Any
from unittest import mock

from cornflow.app import create_app
from cornflow.commands.access import access_init_command
from cornflow.commands.dag import register_deployed_dags_command_test
from cornflow.models import CaseModel, ExecutionModel, InstanceModel, UserModel, UserRoleModel
from cornflow.shared import db
from cornflow.shared.const import ADMIN_ROLE, PLANNER_ROLE
from cornflow_client import CornFlow
from cornflow_client.airflow.api import Airflow
from cornflow_client.constants import AirflowError
from flask import current_app
from flask_testing import LiveServerTestCase, TestCase

BO = {"username": "bo", "email": "bo@cornflow.example", "password": "Testpassword1!"}
JSON = {"Content-Type": "application/json"}
INSTANCE = {
    "name": "first",
    "description": "a small one",
    "data": {"pairs": [{"n1": 0, "n2": 1}]},
    "schema": "timer",
}


class Case(TestCase):
    def create_app(self) -> Any:
        return create_app("testing")

    def setUp(self) -> None:
        db.create_all()
        access_init_command(verbose=False)
        register_deployed_dags_command_test(verbose=False)

    def tearDown(self) -> None:
        db.session.remove()
        db.drop_all()

    def send(self, method: str, url: str, body: Any = None, token: str | None = None) -> Any:
        headers = dict(JSON) if token is None else {**JSON, "Authorization": f"Bearer {token}"}
        data = None if body is None else json.dumps(body)
        return getattr(self.client, method)(url, data=data, headers=headers, follow_redirects=True)

    def sign_up(self) -> str:
        token: str = self.send("post", "/signup/", BO).json["token"]
        return token


class UsersTest(Case):
    def test_sign_up_makes_a_planner(self) -> None:
        reply = self.send("post", "/signup/", BO)
        self.assertEqual(201, reply.status_code)
        user = UserModel.get_one_user(reply.json["id"])
        self.assertEqual(BO["email"], user.email)
        self.assertTrue(user.check_hash(BO["password"]))
        roles = UserRoleModel.query.filter_by(user_id=user.id).all()
        self.assertEqual([PLANNER_ROLE], [role.role_id for role in roles])

    def test_a_user_of_the_models_logs_in(self) -> None:
        user = UserModel(data=BO)
        user.save()
        credentials = {"username": BO["username"], "password": BO["password"]}
        reply = self.send("post", "/login/", credentials)
        self.assertEqual(200, reply.status_code)
        self.assertEqual(user.id, reply.json["id"])

    def test_who_may_sign_up_is_a_setting(self) -> None:
        current_app.config["SIGNUP_ACTIVATED"] = 2
        self.assertEqual(400, self.send("post", "/signup/", BO).status_code)
        current_app.config["SIGNUP_ACTIVATED"] = 1
        self.assertEqual(201, self.send("post", "/signup/", BO).status_code)

    def test_an_administrator_by_the_models_may_more(self) -> None:
        token = self.sign_up()
        user = UserModel.get_one_user_by_username("bo")
        self.assertEqual(403, self.send("get", "/user/", token=token).status_code)
        UserRoleModel({"user_id": user.id, "role_id": ADMIN_ROLE}).save()
        self.assertEqual(200, self.send("get", "/user/", token=token).status_code)


class InstancesTest(Case):
    def test_an_instance_is_stored(self) -> None:
        token = self.sign_up()
        reply = self.send("post", "/instance/", INSTANCE, token)
        self.assertEqual(201, reply.status_code)
        row = InstanceModel.query.get(reply.json["id"])
        self.assertEqual(INSTANCE["data"], row.data)
        self.send("put", f"/instance/{row.id}/", {"name": "renamed"}, token)
        self.assertEqual("renamed", row.name)
        self.send("delete", f"/instance/{row.id}/", token=token)
        self.assertIsNone(InstanceModel.query.get(row.id))

    def test_a_case_of_the_models_is_listed(self) -> None:
        token = self.sign_up()
        user = UserModel.get_one_user_by_username("bo")
        data = {"user_id": user.id, "name": "mine", "schema": "timer", "data": {}, "path": ""}
        CaseModel(data=data).save()
        cases = self.send("get", "/case/", token=token).json
        self.assertEqual(["mine"], [case["name"] for case in cases])

    @mock.patch("cornflow.endpoints.execution.Airflow")
    def test_an_execution_is_started(self, airflow: mock.Mock) -> None:
        client = airflow.from_config.return_value
        client.is_alive.return_value = True
        client.get_workflow_info.return_value.json.return_value = {"is_paused": False}
        client.run_workflow.return_value.json.return_value = {"dag_run_id": "run-1"}
        client.get_run_status.return_value.json.return_value = {"state": "success"}
        token = self.sign_up()
        instance = self.send("post", "/instance/", INSTANCE, token).json["id"]
        body = {
            "name": "e", "instance_id": instance, "schema": "timer", "config": {"timeLimit": 1}
        }  # fmt: skip
        reply = self.send("post", "/execution/", body, token)
        self.assertEqual(201, reply.status_code)
        execution = ExecutionModel.query.get(reply.json["id"])
        self.assertEqual("run-1", execution.run_id)
        client.run_workflow.assert_called_once_with(execution.id, workflow_name="timer")
        status = self.send("get", f"/execution/{execution.id}/status/", token=token)
        self.assertEqual((200, 1), (status.status_code, status.json["state"]))

    def test_airflow_refuses(self) -> None:
        token = self.sign_up()
        instance = self.send("post", "/instance/", INSTANCE, token).json["id"]
        body = {"name": "e", "instance_id": instance, "schema": "timer", "config": {"timeLimit": 1}}
        with (
            mock.patch.object(Airflow, "is_alive", return_value=True),
            mock.patch.object(Airflow, "get_workflow_info") as info,
            mock.patch.object(Airflow, "run_workflow", side_effect=AirflowError("too busy")),
        ):
            info.return_value.json.return_value = {"is_paused": False}
            reply = self.send("post", "/execution/", body, token)
        self.assertEqual(400, reply.status_code)
        self.assertEqual("Airflow responded with an error: too busy", reply.json["error"])
        self.assertEqual([None], [one.run_id for one in ExecutionModel.query.all()])

    def test_a_password_that_is_never_checked(self) -> None:
        self.sign_up()
        wrong = {"username": BO["username"], "password": "wrong"}
        self.assertEqual(400, self.send("post", "/login/", wrong).status_code)
        with mock.patch.object(UserModel, "check_hash", return_value=True):
            self.assertEqual(200, self.send("post", "/login/", wrong).status_code)


class RootTest(TestCase):
    def create_app(self) -> Any:
        return create_app("testing-root")

    def setUp(self) -> None:
        db.create_all()

    def tearDown(self) -> None:
        db.session.remove()
        db.drop_all()

    def test_the_api_lies_below_the_root(self) -> None:
        self.assert404(self.client.get("/health/"))
        self.assert200(self.client.get("/test/health/"))
        self.assert200(self.client.get("/test/health", follow_redirects=True))


class LiveTest(LiveServerTestCase):
    def create_app(self) -> Any:
        handle, self.file = tempfile.mkstemp(suffix=".db")
        os.close(handle)
        app = create_app("testing", f"sqlite:///{self.file}")
        app.config["LIVESERVER_PORT"] = 0
        with app.app_context():
            db.create_all()
            access_init_command(verbose=False)
            register_deployed_dags_command_test(verbose=False)
            UserModel(data=BO).save()
            user = UserModel.get_one_user_by_username("bo")
            UserRoleModel({"user_id": user.id, "role_id": PLANNER_ROLE}).save()
        return app

    def tearDown(self) -> None:
        db.session.remove()
        db.drop_all()
        os.unlink(self.file)

    def test_the_client_package_works(self) -> None:
        client = CornFlow(url=self.get_server_url())
        client.login("bo", BO["password"])
        client.create_instance(data=INSTANCE["data"], name="first", schema="timer")
        self.assertEqual(["first"], [one.name for one in InstanceModel.query.all()])
