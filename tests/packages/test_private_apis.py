"""Private names of other libraries are used in modules of their own; each of them still does what it did.

Red after an upgrade: the message says which name of which library no longer holds.
"""

import ast
import re
from inspect import signature
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import create_engine, delete, event, inspect, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from uvicorn.supervisors import Multiprocess

from cornflow_f.web import fastapi_private as of_port
from legacy_bridge.operations import fastapi_private as of_bridge
from legacy_bridge.shadow.rows import sqlalchemy_private as of_sqlalchemy
from parity_tests.suite import pytest_private as of_pytest
from tests.packages.projects import ROOT

PACKAGES = (
    "cornflow_f", "cornflow_cutover", "embedded_runner", "legacy_bridge", "migrations", "parity_core", "parity_tests",
)  # fmt: skip

DOCUMENTED = {"_asdict", "_exit", "_get_current_object", "_mapping", "_replace"}
"""Public in spite of their names: of named tuples, `os`, werkzeug and SQLAlchemy's rows."""

PRIVATE_MODULES = re.compile(r"\._|^fastapi\.(dependencies|utils)|^uvicorn\.supervisors")


def private_uses(root: Path) -> list[str]:
    """`file: name` of each private name that none of our own modules defines."""
    trees = {
        file: ast.parse(file.read_text())
        for package in PACKAGES
        for file in sorted((root / package).rglob("*.py"))
    }
    own = {name for tree in trees.values() for name in _defined(tree)}
    return [
        f"{file.relative_to(root)}: {name}"
        for file, tree in trees.items()
        if not file.stem.endswith("_private")
        for name in _used(tree)
        if name not in own | DOCUMENTED
    ]


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and ast.unparse(node.value) in ("self", "cls")
        ):
            names.add(node.attr)
    return names


def _used(tree: ast.Module) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
            names.append(node.attr)
        elif (
            isinstance(node, ast.ImportFrom) and node.module and PRIVATE_MODULES.search(node.module)
        ):
            names.append(node.module)
    return names


def test_private_names_are_used_in_modules_of_their_own() -> None:
    assert private_uses(ROOT) == []


def test_a_private_name_elsewhere_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "parity_core").mkdir()
    text = "from starlette._utils import x\nstatement._raw_columns\nself._own = 1\nself._own\n"
    (tmp_path / "parity_core" / "planted.py").write_text(text)
    found = private_uses(tmp_path)
    assert sorted(found) == [
        "parity_core/planted.py: _raw_columns",
        "parity_core/planted.py: starlette._utils",
    ]


def _guard() -> None: ...


def _through(_: Annotated[None, Depends(_guard)]) -> None: ...


def application() -> FastAPI:
    inner = APIRouter(prefix="/inner")

    @inner.get("/thing/{idx}/", name="thing", dependencies=[Depends(_through)])
    def thing(idx: int) -> int:
        return idx

    @inner.post("/open/", name="open")
    def open_() -> None: ...

    outer = APIRouter(prefix="/outer")
    outer.include_router(inner)
    app = FastAPI(openapi_url=None)
    app.include_router(outer)
    return app


def test_fastapi_tells_the_routes_of_included_routers_and_what_they_depend_on() -> None:
    routes = {route.name: route for route in of_bridge.routes_of(application())}
    told = {name: (route.path, set(route.methods)) for name, route in routes.items()}
    broken = "fastapi.routing.iter_route_contexts no longer tells path, name and methods"
    assert told == {
        "thing": ("/outer/inner/thing/{idx}/", {"GET"}),
        "open": ("/outer/inner/open/", {"POST"}),
    }, broken
    broken = "fastapi.dependencies.models.Dependant no longer tells `call` and `dependencies`"
    for module in (of_bridge, of_port):
        assert module.depends_on_any(routes["thing"].dependant, [_guard]), broken
        assert not module.depends_on_any(routes["open"].dependant, [_guard]), broken
    assert _through in of_port.direct_calls(routes["thing"].dependant), broken
    assert _guard not in of_port.direct_calls(routes["thing"].dependant), broken


def test_a_route_of_fastapi_makes_its_handler_where_the_port_steps_in() -> None:
    for name in ("get_route_handler", "matches", "handle"):
        assert callable(getattr(APIRoute, name, None)), f"fastapi.routing.APIRoute has no {name}"


@pytest.mark.parametrize(
    ("path", "root", "route"), [("/api/x/", "/api", "/x/"), ("/apix/", "/api", "/apix/")]
)
def test_starlette_tells_the_path_below_the_root(path: str, root: str, route: str) -> None:
    told = of_port.get_route_path({"type": "http", "path": path, "root_path": root})
    assert told == route, "starlette._utils.get_route_path no longer tells the path below the root"


def test_uvicorn_supervises_workers_on_a_socket_that_was_taken_before() -> None:
    parameters = set(signature(Multiprocess.__init__).parameters)
    assert {"config", "sockets"} <= parameters <= {"self", "config", "sockets", "target"}, (
        "uvicorn.supervisors.Multiprocess wants something else now"
    )


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "things"
    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


def test_sqlalchemy_tells_the_parts_of_a_statement() -> None:
    changed = update(Thing.__table__).where(Thing.key == "a").values(count=1)  # type: ignore[arg-type]
    removed = delete(Thing.__table__).where(Thing.key == "a", Thing.count > 1)  # type: ignore[arg-type]
    assert len(of_sqlalchemy.conditions_of(changed)) == 1, "Update._where_criteria"
    assert len(of_sqlalchemy.conditions_of(removed)) == 2, "Delete._where_criteria"
    set_ = [getattr(column, "name", column) for column in of_sqlalchemy.columns_set(changed)]
    assert set_ == ["count"], "Update._values"


def test_sqlalchemy_tells_the_state_of_a_row_and_its_turn() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    turns: list[tuple[str, int]] = []

    def after(session: Any, _: Any) -> None:
        turns.extend((row.key, of_sqlalchemy.insertion_number(row)) for row in session.new)

    with Session(engine) as session:
        event.listen(session, "after_flush", after)
        rows = [Thing(key=key, count=0) for key in "ba"]
        assert of_sqlalchemy.state_of(rows[0]) is inspect(rows[0]), "_sa_instance_state"
        session.add_all(rows)
        session.flush()
    engine.dispose()
    assert sorted(turns, key=lambda turn: turn[1]) == [("b", 1), ("a", 2)], "state.insert_order"


def test_pytest_and_mock_tell_what_was_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_pytest, "__doc__", "replaced")
    assert of_pytest.last_replaced(monkeypatch) == (of_pytest, "__doc__"), "MonkeyPatch._setattr"
    double = mock.Mock()
    double.child()
    assert of_pytest.children_of(double) == 1, "Mock._mock_children"
    assert callable(of_pytest.Patch.__enter__), "unittest.mock._patch"
    assert callable(of_pytest.AssertLogs.__enter__), "unittest._log._AssertLogsContext"
