"""External applications: what is refused and in which words, taking over a legacy's, and the example."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from cornflow_f import external
from cornflow_f.config import Settings
from cornflow_f.database.engine import create_engine, session_factory
from cornflow_f.errors import ConfigurationError
from cornflow_f.external import ExternalApplication
from cornflow_f.main import create_app
from cornflow_f.migration import run
from cornflow_f.migration.state import RevisionError, Start
from cornflow_f.services.register_access import Changes, init_access
from cornflow_f.views_table import views_for
from tests.conftest import LegacyEnv, RunLegacy
from tests.port.schema_dump import execute

REPOSITORY = Path(__file__).parents[2]

START = """
from fastapi import APIRouter
from cornflow_f.constants import Action, Role
from cornflow_f.external import CustomRole, ExternalApplication, guarded_router, public_router
router = guarded_router("Things")
@router.get("/thing/", name="things")
async def things() -> list[int]:
    return []
"""

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """`write(code)`: a module in the current folder; its name."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)

    def make(code: str) -> str:
        name = f"external_{uuid.uuid4().hex[:8]}"
        (tmp_path / f"{name}.py").write_text(code)
        return name

    return make


def settings(name: str, **changes: str) -> Settings:
    given = {"EXTERNAL_APP": "1", "EXTERNAL_APP_MODULE": name, "SECRET_KEY": "s"}
    return Settings(DATABASE_URL="sqlite://", **(given | changes))  # type: ignore[arg-type]


def declared(arguments: str) -> str:
    return f"{START}\napplication = ExternalApplication({arguments})\n"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "must have `application`, an ExternalApplication of cornflow_f.external; it has none"),
        ("application = 3", "it has a int there"),
        ("def create_wsgi_app(): pass", "is an external application of the legacy"),
        ("import not_there_at_all", "needs the module not_there_at_all, which is not installed"),
        ("1 / 0", "can't be imported: ZeroDivisionError: division by zero"),
        (declared("name='cornflow_f', routers=[], roles_with_access={}"), "not one of alembic"),
        (declared("name='A B', routers=[], roles_with_access={}"), "must be lower case letters"),
        (
            declared("name='a', routers=[router], roles_with_access={}"),
            "roles_with_access lacks the view 'things': nobody could use it",
        ),
        (
            declared("name='a', routers=[router], roles_with_access={'things': [], 'thongs': []}"),
            "names 'thongs', which is no guarded view of it",
        ),
        (
            declared("name='a', routers=[router], roles_with_access={'things': [Role.DUMMY]}"),
            "Role.DUMMY has no actions of its own",
        ),
        (
            declared(
                "name='a', routers=[router], roles_with_access={'things': [CustomRole(3, ())]}"
            ),
            "two roles have the number 3",
        ),
        (
            declared(
                "name='a', routers=[router], roles_with_access={'things': []}, public={'GET /x/'}"
            ),
            "`public` lists GET /x/, which is guarded or does not exist",
        ),
        (
            declared(
                "name='a', routers=[router], roles_with_access={'things': []}, migrations="
                "__import__('pathlib').Path('/nowhere')"
            ),
            "its folder of migrations /nowhere does not exist",
        ),
        (
            START
            + """
open_to_all = public_router("Things")
@open_to_all.post("/thing/{idx:int}/", name="thing")
async def thing(idx: int) -> int:
    return idx
application = ExternalApplication("a", [router, open_to_all], {"things": [Role.ADMIN]})
""",
            "POST /thing/<int:idx>/ has no permission check",
        ),
        (
            START
            + """
plain = APIRouter()
@plain.get("/plain/", name="plain")
async def get_plain() -> int:
    return 1
application = ExternalApplication("a", [router, plain], {"things": [Role.ADMIN]})
""",
            "/plain/ was not made by guarded_router or public_router",
        ),
        (
            START
            + """
@router.get("/things/", name="things")
async def others() -> int:
    return 1
application = ExternalApplication("a", [router], {"things": [Role.ADMIN]})
""",
            "two rules have the view name 'things'",
        ),
        (
            START
            + """
@router.get("/files/{name:path}", name="files")
async def files(name: str) -> int:
    return 1
application = ExternalApplication("a", [router], {"things": [], "files": []})
""",
            "/files/{name:path} must begin with a fixed part, and no parameter may take slashes",
        ),
        (
            START
            + """
@router.post("/case/", name="my-case")
async def my_case() -> int:
    return 1
application = ExternalApplication("a", [router], {"things": [], "my-case": []})
""",
            "Cornflow has /case/: choose another path",
        ),
        (
            START
            + """
@router.get("/my/case/", name="case")
async def my_case() -> int:
    return 1
application = ExternalApplication("a", [router], {"things": [], "case": []})
""",
            "Cornflow has a view 'case': choose another name",
        ),
        (
            declared(
                "name='a', routers=[router], roles_with_access={'things': []}, "
                "extra_permissions=[(Role.ADMIN, Action.GET, 'nothing')]"
            ),
            "extra_permissions names the view 'nothing', which does not exist",
        ),
    ],
)
def test_the_server_does_not_start_with(write: Write, code: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        create_app(settings(write(code)))
    assert words in str(raised.value)


def test_the_server_does_not_start_without_the_module() -> None:
    with pytest.raises(ConfigurationError, match="there is no module not_here_either"):
        create_app(settings("not_here_either"))


def test_the_port_may_have_another_module_than_the_legacy(write: Write) -> None:
    ours = write(declared("name='a', routers=[router], roles_with_access={'things': [Role.ADMIN]}"))
    beside = settings("of_the_legacy", CORNFLOW_F_EXTERNAL_APP_MODULE=ours)
    assert external.load(beside) is not None
    assert views_for(beside)[0].name == "things"
    assert external.load(settings(ours, EXTERNAL_APP="0")) is None


OF_THE_LEGACY = """
from types import SimpleNamespace
from cornflow.endpoints.meta_resource import BaseMetaResource
class Things(BaseMetaResource):
    ROLES_WITH_ACCESS = [1, 3, 888]
    DESCRIPTION = "All things"
class Thing(BaseMetaResource):
    ROLES_WITH_ACCESS = [888]
    DESCRIPTION = "One thing"
models = SimpleNamespace()
endpoints = SimpleNamespace(resources=[
    dict(resource=Things, urls="/thing/", endpoint="things"),
    dict(resource=Thing, urls="/thing/<int:idx>/", endpoint="thing"),
])
shared = SimpleNamespace(const=SimpleNamespace(
    EXTRA_PERMISSION_ASSIGNATION=[(1, 4, "thing"), (888, 1, "case"), (777, 1, "things")],
    CUSTOM_ROLES_ACTIONS={888: [1, 3]},
))
"""
CREATED_BY_ITSELF = """
from flask_restful import Api
from cornflow.app import create_app
from cornflow.shared.authentication import Auth, authenticate
class Guarded(Things):
    @authenticate(auth_class=Auth())
    def get(self):
        return [], 200
endpoints.resources[0]["resource"] = Guarded
def create_wsgi_app(environment, connection=None):
    app = create_app(environment, connection)
    Api(app).add_resource(Guarded, "/thing/", endpoint="things")
    return app
"""
OF_THE_PORT = (
    START
    + """
@router.get("/thing/{idx:int}/", name="thing")
async def thing(idx: int) -> int:
    return idx
KEEPER = CustomRole(888, (Action.GET, Action.POST))
application = ExternalApplication(
    name="a",
    routers=[router],
    roles_with_access={"things": [Role.VIEWER, Role.ADMIN, KEEPER], "thing": [KEEPER]},
    descriptions={"things": "All things", "thing": "One thing"},
    extra_permissions=[
        (Role.VIEWER, Action.PUT, "thing"),
        (KEEPER, Action.GET, "case"),
        (CustomRole(777, ()), Action.GET, "things"),
    ],
)
"""
)


CUSTOM = """
SELECT r.id, r.name, p.action_id, v.name FROM permission_view p
JOIN roles r ON r.id = p.role_id JOIN api_view v ON v.id = p.api_view_id WHERE r.id > 4
"""


@pytest.mark.legacy
async def test_views_roles_and_permissions_are_those_the_legacy_registers(
    write: Write, sqlite_url: str, run_legacy: RunLegacy
) -> None:
    theirs = write(OF_THE_LEGACY)
    code = """
    legacy_upgrade()
    from cornflow.commands import access_init_command
    access_init_command()
    """
    run_legacy(sqlite_url, code, EXTERNAL_APP="1", EXTERNAL_APP_MODULE=theirs)

    await run.upgrade(sqlite_url)
    views = views_for(settings(write(OF_THE_PORT), CF_ALARMS_ENDPOINT="1", SIGNUP_ACTIVATED="1"))
    engine = create_engine(sqlite_url)
    async with session_factory(engine)() as session:
        changes = await init_access(session, views)
        custom = {tuple(row) for row in await session.execute(text(CUSTOM))}
    await engine.dispose()

    assert (changes.roles, changes.views, changes.permissions) == (Changes(), Changes(), Changes())
    assert custom == {
        (777, "custom_role_777", 1, "things"),
        (888, "custom_role_888", 1, "case"),
        (888, "custom_role_888", 1, "thing"),
        (888, "custom_role_888", 1, "things"),
        (888, "custom_role_888", 3, "thing"),
        (888, "custom_role_888", 3, "things"),
    }


CENSUS = """
import json, warnings
warnings.filterwarnings("ignore")
from cornflow_cutover.assembly import assemble
assembly = assemble()
legacy = [[rule.rule, sorted(rule.guarded)] for rule in assembly.rules if "thing" in rule.rule]
ported = [[o.rule, o.guarded] for o in assembly.ported_operations if "thing" in o.rule]
print("\\nANSWER:" + json.dumps([legacy, ported]))
"""


@pytest.mark.legacy
def test_both_external_applications_stand_behind_the_bridge(
    write: Write, sqlite_url: str, legacy_env: LegacyEnv, tmp_path: Path
) -> None:
    modules = {
        "EXTERNAL_APP": "1",
        "EXTERNAL_APP_MODULE": write(OF_THE_LEGACY + CREATED_BY_ITSELF),
        "CORNFLOW_F_EXTERNAL_APP_MODULE": write(OF_THE_PORT),
        "PYTHONPATH": str(REPOSITORY),
    }
    done = subprocess.run(
        [sys.executable, "-c", CENSUS],
        env=legacy_env(sqlite_url, **modules),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    legacy, ported = json.loads(done.stdout.rpartition("ANSWER:")[2])
    assert legacy == [["/thing/", ["GET"]]]
    assert ported == [["/thing/", True], ["/thing/<int:idx>/", True]]


def test_a_role_without_a_name_is_called_as_the_legacy_calls_it() -> None:
    assert external.CustomRole(888, ()).label == "custom_role_888"


@pytest.mark.legacy
async def test_the_database_of_a_legacys_external_application_is_taken_over(
    database_url: str, run_legacy: RunLegacy
) -> None:
    run_legacy(database_url, "legacy_upgrade()")
    execute(database_url, "UPDATE alembic_version SET version_num = 'f00d'")
    application = ExternalApplication("a", (), {}, legacy_revision="f00d")

    with pytest.raises(RevisionError, match="name it there as `legacy_revision`"):
        await run.upgrade(database_url)
    moved = await run.upgrade(database_url, external=application)

    assert moved.start is Start.ADOPT
    await run.check_ready(database_url, application)
    with pytest.raises(RevisionError, match="legacy_revision"):
        await run.check_ready(database_url)


def test_the_example_works() -> None:
    # In a process of its own: its tables would be there for all other tests too.
    folder = REPOSITORY / "examples" / "external_app"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(folder)])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
