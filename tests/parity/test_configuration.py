"""What is wrong in a file is one sentence: file, key, nearest right word. And exit 2, never 1."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from parity_tests.cli.main import main
from parity_tests.report import document

SHOP = Path(__file__).parent / "shop"
FILES = {
    "waivers.toml": """
[[waiver]]
operation = "GET /items/"
place = "body/took"
owner = "tests"
reason = "words"
expires = 2030-01-31
legacy = 1
ported = { one_of = [2, 3] }

[defaults]
owner = "the tests"
expires = 2030-01-31

[replies.failed]
status = 500
body = { error = "failed" }

[[waiver]]
operation = "POST /items/"
request = { body = '"name": 5' }
reason = "words"
legacy = "failed"
ported = { status = 400, body_matches = ".*no text.*" }

[[waiver]]
operation = "POST /items/"
place = "rows/items"
reason = "words"
legacy = { missing = true }
ported = { inserted = { name = "x" } }
""",
    "fuzz.toml": """
[things.item]
recipe = 0

[profile]
services = []
settings = { A = "1" }

[[refused]]
token = "x"

[[operation]]
match = ["POST /items/"]
json = [{ name = "a" }]
makes = [{ kind = "item", at = "/id" }]
""",
    "performance.toml": """
pairs = 3
[budget]
ratio = 1.5
[[operation]]
operation = "GET *"
ratio = 2
""",
    "learned.toml": """
[[learned]]
operation = "GET /items/"
place = "body/took"
kind = "duration"
learned = 2026-01-01
expires = 2030-01-31
evidence = { journey = "shop", step = 1, differed = 2, pairs = 3 }
""",
}


@dataclass
class Files:
    """The shop's files with one of each kind, and `parity` on them."""

    folder: Path

    def replace(self, file: str, find: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert find in text, f"{find!r} is not in {file}"
        path.write_text(text.replace(find, new, 1))

    def parity(self, command: str) -> Result:
        words = [word.replace("@", f"{self.folder}/") for word in command.split()]
        if words[0] not in ("capture", "gate", "explain", "report", "suite"):
            words[1:1] = ["--config", str(self.folder / "parity.toml")]
        return CliRunner().invoke(main, words)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    ignored = shutil.ignore_patterns("__pycache__")
    folder = shutil.copytree(SHOP, tmp_path / "copy", ignore=ignored)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return Files(folder)


RUN, LEARNED = "run -j items", "run -j items --learned @learned.toml"
P, R, W, F, M, B, L, X = (
    "parity.toml", "rules.toml", "waivers.toml", "fuzz.toml", "mutants.toml", "performance.toml",
    "learned.toml", "matrix.yaml",
)  # fmt: skip
FAULTS = [
    # command, file, what stands there, what stands there instead, words of the sentence
    (RUN, P, "[login]", "[logn]", "unknown table `logn`; did you mean `login`?"),
    (RUN, P, "[operations]", "[operation]", "unknown table `operation`; did you mean `operations`?"),
    (RUN, P, "[[users]]", "[[user]]", "unknown table `user`; did you mean `users`?"),
    (RUN, P, 'health = "/"', 'helth = "/"', ":9: unknown key `legacy.helth`; did you mean `health`?"),
    (RUN, P, 'token = "/token"', 'tokn = "/token"', "`login.tokn`; did you mean `token`?"),
    (RUN, P, "start_timeout = 300", "start_timeout = '30'", "`legacy.start_timeout` should be a number, not text"),
    (RUN, P, "start_timeout = 300", "start_timeout = 0", "`legacy.start_timeout` should be greater than 0"),
    (RUN, P, 'pythonpath = ["."]', 'pythonpath = "."', "`legacy.pythonpath` should be a list, not text"),
    (RUN, P, 'path = "/login/"\n', "", "`login`: it has no `path`"),
    (RUN, P, "command = [", "commands = [", "`legacy.commands`; did you mean `command`?"),
    (RUN, P, 'health = "/"', 'health = "/"\nurl = "http://a"', ":7: `legacy`: it says command and url of"),
    (RUN, P, "[seed]", "[seed", ":20: this is no TOML"),
    (RUN, P, 'name = "Shop"', 'name = "Shop"\nname = "Shop"', ":3: this is no TOML"),
    (RUN, P, 'name = "Shop"', 'rules = "rule.toml"', "`rules`: there is no file", "did you mean `rules.toml`?"),
    (RUN, P, "[seed]", '[seed]\nsql = "seed.sql"', "`seed.sql`: there is no file"),
    (RUN, P, "[seed]", "[services.smpt]\n[seed]", "unknown table `services.smpt`; did you mean `smtp`?"),
    (RUN, P, "[seed]", "[services.ldap]\n[seed]", "`services.ldap.ldif` is missing"),
    (RUN, P, "[seed]", "[rows]\nignored = []\n[seed]", "`rows.ignored`; did you mean `ignore`?"),
    ("journeys", P, "[seed]", "[sed]", "unknown table `sed`; did you mean `seed`?"),
    ("replay @.", P, "[seed]", "[capture]\nmnt = {}\n[seed]", "`capture.mnt`; did you mean `mint`?"),
    ("triangle @r.json", P, "[seed]", "[documents]\nlegcy = '/x'\n[seed]", "`documents.legcy`; did you mean `legacy`?"),
    ("calibrate --out @x.toml", P, "[seed]", "[sead]", "unknown table `sead`; did you mean `seed`?"),
    ("suite @parity.toml -- pytest", P, "[seed]", "[suite]\ntarge = 'x'\n[seed]", "`suite.targe`; did you mean `target`?"),
    ("suite @parity.toml -- pytest", P, "[seed]", "[suits]\n[seed]", "`suits`; did you mean `suite`?"),
    (RUN, R, "[[rule]]", "[[rul]]", "unknown table `rul`; did you mean `rule`?"),
    (RUN, R, "verify =", "verfy =", ":4: unknown key `rule[1].verfy`; did you mean `verify`?"),
    (RUN, R, 'kind = "token"', 'kind = "tokn"', ":3: `rule[1].kind` can not be 'tokn'; did you mean `token`?"),
    (RUN, R, 'kind = "id:items"', 'kind = "id"', "`rule[2]`: an id is written `id:namespace`"),
    (RUN, R, "([0-9]+)", "([0-9+)", "`rule[7].pattern` is no regular expression: unterminated character set"),
    (RUN, R, 'place = "body/token"', 'place = "**"', "`rule[1]`: `**` covers status"),
    (RUN, R, "[[rule]]", "[[unordered]]\nplace = 'body'\n[[rule]]", "`unordered[1].operation`, `unordered[1].reason` are missing"),
    ("matrix", R, "[[rule]]", "[[ruel]]", "unknown table `ruel`; did you mean `rule`?"),
    ("fuzz --examples 1", R, "[[rule]]", "[[ruel]]", "unknown table `ruel`; did you mean `rule`?"),
    (RUN, W, "[[waiver]]", "[[waivers]]", "unknown table `waivers`; did you mean `waiver`?"),
    (RUN, W, "reason =", "raeson =", ":6: unknown key `waiver[1].raeson`; did you mean `reason`?"),
    (RUN, W, "2030-01-31", '"2030-01-31"', ":7: `waiver[1].expires` should be a date without quotes"),
    (RUN, W, 'owner = "tests"', 'owner = ""', "`waiver[1].owner` is empty"),
    (RUN, W, 'owner = "tests"', 'owner = "tests"\ndatabase = "sqllite"', "`waiver[1].database` can not be 'sqllite'; did you mean `sqlite`?"),
    (RUN, W, 'owner = "the tests"', "", ":19: `waiver[2].owner` is missing"),
    (RUN, W, "operation =", "#", ":2: `waiver[1].operation` is missing"),
    (RUN, W, "[defaults]", "[default]", "unknown table `default`; did you mean `defaults`?"),
    (RUN, W, 'owner = "the tests"', 'ownr = "the tests"', ":12: unknown key `defaults.ownr`; did you mean `owner`?"),
    (RUN, W, "[defaults]\n", '[defaults]\nat_most = "2"\n', ":12: `defaults.at_most` should be a whole number"),
    (RUN, W, "[replies.failed]", "[replies.fallen]", ":23: `waiver[2].legacy`: there is no [replies.failed] in the file; did you mean `fallen`?"),
    (RUN, W, "failed]\nstatus", "failed]\nstatsu", ":16: unknown key `replies.failed.statsu`; did you mean `status`?"),
    (RUN, W, "body = { error", "# body = { error", ":15: `replies.failed`: `failed` says one of `body`"),
    (RUN, W, "{ status = 400", "{ staus = 400", ":24: unknown key `waiver[2].ported.staus`; did you mean `status`?"),
    (RUN, W, "{ status = 400, ", "{ ", "`waiver[2].ported.status` is missing"),
    (RUN, W, "status = 400", "status = true", "`waiver[2].ported.status` should be a whole number, not true"),
    (RUN, W, ".*no text.*", ".*", "`waiver[2].ported`: `.*` accepts anything"),
    (RUN, W, ".*no text.*", "(", "`waiver[2].ported`: `(` is no regular expression"),
    (RUN, W, "{ status = 400, body_matches", "{ status = 400, body = 1, body_matches", "`waiver[2].ported`: `ported` says one of `body`"),
    (RUN, W, 'legacy = "failed"', "legacy = 500", "`waiver[2].legacy`: `legacy` is the reply that is expected"),
    (RUN, W, "request = { body", "request = { bdy", "unknown key `waiver[2].request.bdy`; did you mean `body`?"),
    (RUN, W, '"name": 5', "(", "`waiver[2].request.body` is no regular expression"),
    (RUN, W, "reason = \"words\"\nlegacy = \"failed\"", "at_most = 2\nreason = \"words\"\nlegacy = \"failed\"",
     "`waiver[2]`: `at_most` and the statuses beside `legacy` and `ported` need a `place`"),
    (RUN, W, "inserted =", "insertd =", "unknown table `waiver[3].ported.insertd`; did you mean `inserted`?"),
    (RUN, W, 'inserted = { name = "x" }', "", "`waiver[3].ported`: `ported` is the row that is expected"),
    (RUN, W, 'inserted = { name = "x" }', "inserted = 1", "`waiver[3].ported.inserted` should be a table, not a number"),
    (RUN, W, "body/took", "**", ':2: `waiver[1]`: `place = "**"` covers whatever differs, rows and outgoing calls too'),
    (RUN, W, "rows/items", "rows/*", "`waiver[3]`: `rows/*` names no table"),
    (RUN, W, "rows/items", "mail/**", "`waiver[3]`: `mail/**` is no single thing that left a stack"),
    (RUN, W, "GET /items/", "* *", ':2: `waiver[1]`: `operation = "* *"` is every operation: say which'),
    (RUN, W, "one_of = [2, 3]", "one_of = 2", "`waiver[1]`: `one_of` is a list of what is accepted"),
    (RUN, W, "one_of = [2, 3]", "json = 2", "`waiver[1]`: `json` is the JSON text of a value"),
    (RUN, R, "[[rule]]", "[[heder]]\nname = 'x'\n[[rule]]", "unknown table `heder`; did you mean `header`?"),
    (RUN, R, "[[rule]]", "[[header]]\nname = 'x'\n[[rule]]", "`header[1].reason` is missing"),
    (RUN, R, "[[rule]]", "[[header]]\nname = 'Location'\nreason = 'x'\n[[rule]]", ":1: `header[1]`: `location` is always compared"),
    (RUN, R, "[[rule]]", "[[header]]\nname = 'Allow'\nreason = 'x'\n[[rule]]", ":1: `header[1]`: `allow` is always compared"),
    (RUN, R, "ported = ", "portd = ", "`json_ending[1].portd`; did you mean `ported`?"),
    (RUN, R, 'ported = ""', 'ported = "x"', "`json_ending[1]`: what is not blank is always compared"),
    ("performance", W, "[[waiver]]", "[[waver]]", "unknown table `waver`; did you mean `waiver`?"),
    (LEARNED, L, 'kind = "duration"', 'kind = "durations"', "`learned[1].kind` can not be 'durations'; did you mean `duration`?"),
    (LEARNED, L, "pairs = 3", "pair = 3", "`learned[1].evidence.pair`; did you mean `pairs`?"),
    ("fuzz --examples 1", F, "[profile]", "[profil]", "unknown table `profil`; did you mean `profile`?"),
    ("fuzz --examples 1", F, "recipe = 0", "recpe = 0", ":3: unknown key `things.item.recpe`; did you mean `recipe`?"),
    ("fuzz --examples 1", F, "recipe = 0", "recipe = true", "`things.item.recipe` should be a whole number, not true"),
    ("fuzz --examples 1", F, 'kind = "item"', 'kind = "itme"', "`operation[1].makes[1].kind`: no [things.itme] in the file; did you mean `item`?"),
    ("fuzz --examples 1", F, 'match = ["POST /items/"]', "match = []", "`operation[1].match`"),
    ("fuzz --examples 1", F, "services = []", 'services = ["smpt"]', "`profile.services[1]` can not be 'smpt'; did you mean `smtp`?"),
    ("mutants", M, "[[mutant]]", "[[mutants]]", "unknown table `mutants`; did you mean `mutant`?"),
    ("mutants", M, "replace =", "replaced =", "`mutant[1].replaced`; did you mean `replace`?"),
    ("mutants", M, 'journeys = [', 'journeys = "x" #', "`mutant[1].journeys` should be a list, not text"),
    ("performance", B, "[budget]", "[budgt]", "unknown table `budgt`; did you mean `budget`?"),
    ("performance", B, "ratio = 1.5", "ratoi = 1.5", ":4: unknown key `budget.ratoi`; did you mean `ratio`?"),
    ("performance", B, "ratio = 1.5", "ratio = -1", "`budget.ratio` should be greater than or equal to 0"),
    ("performance", B, "pairs = 3", "pairs = 3.5", "`pairs` should be a whole number, not a number"),
    ("matrix", X, "columns:", "colums:", ":3: unknown table `colums`; did you mean `columns`?"),
    ("matrix", X, "stranger: admin", "stranger: amin", ":4: no user `amin`; did you mean `admin`?"),
    ("matrix", X, "guest: guest", "guest: gast", ":3: no user `gast`; did you mean `guest`?"),
    ("matrix", X, "stranger: admin", "stranger: [admin]", "`stranger` should be text in quotes, not a list"),
    ("matrix", X, "objects:", "objects: [", "this is no YAML"),
    ("matrix", X, "request: POST /items/", "reqest: POST /items/", "unknown key `reqest`; did you mean `request`?"),
]  # fmt: skip


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault[0].split()[0]}-{fault[4][:60]}"
)
def test_a_fault_in_a_file_is_one_sentence(files: Files, fault: tuple[str, ...]) -> None:
    command, file, find, new, *words = fault
    files.replace(file, find, new)
    refused(files.parity(command), file, *words)


def refused(done: Result, *words: str) -> None:
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("parity: ")
    for word in words:
        assert word in line, line


@pytest.mark.parametrize(
    ("command", "file", "near"),
    [
        (RUN, P, ""), ("fuzz --examples 1", F, ""), ("mutants", M, ""), ("matrix", X, ""), ("performance", B, ""),
        ("performance --budget @performanc.toml", "performanc.toml", "did you mean `performance.toml`?"),
        ("gate @r.json --baseline @b.json", "r.json", ""), ("explain abc @r.json", "r.json", ""),
        ("report @r.json", "r.json", ""), ("replay @none", "none", ""), ("capture show @none", "none", ""),
        ("suite @none.toml -- pytest", "none.toml", ""),
    ],
)  # fmt: skip
def test_a_file_that_is_not_there(files: Files, command: str, file: str, near: str) -> None:
    (files.folder / file).unlink(missing_ok=True)
    refused(files.parity(command), file, near)


@pytest.mark.parametrize(
    "command", [RUN, "fuzz --examples 1", "mutants", "matrix", "performance", LEARNED]
)
@pytest.mark.parametrize("content", [b"\xff\xfe = 1\n", b"= 1\n", b""])
def test_a_file_that_holds_something_else(files: Files, command: str, content: bytes) -> None:
    file = {"fuzz": F, "mutants": M, "matrix": X, "performance": B}.get(command.split()[0], P)
    if content == b"" and file in (F, B):
        pytest.skip("nothing said is all usual")
    if command == LEARNED:
        file = L
        content = content or b"[learned]\n"
    (files.folder / file).write_bytes(content)
    refused(files.parity(command), file)


@pytest.mark.parametrize(
    "command", ["gate @r.json --baseline @b.json", "explain abc @r.json", "report @r.json"]
)
@pytest.mark.parametrize("content", [b"\xff", b"{", b"[]", b'{"format": "parity-report/1"}'])
def test_a_report_that_is_none(files: Files, command: str, content: bytes) -> None:
    (files.folder / "r.json").write_bytes(content)
    refused(files.parity(command), "r.json")


@pytest.mark.parametrize("content", [b"\xff", b"{", b"[]", b'{"format": "parity-baseline/1"}'])
def test_a_baseline_that_is_none(files: Files, content: bytes) -> None:
    schema = json.loads(document.SCHEMA.read_text())
    report: dict[str, Any] = {name: [] for name in schema["required"]} | {"format": document.FORMAT}
    (files.folder / "r.json").write_text(json.dumps(report))
    (files.folder / "b.json").write_bytes(content)
    refused(files.parity("gate @r.json --baseline @b.json"), "b.json")


def test_the_files_are_right_without_a_fault(files: Files) -> None:
    """Or every fault above would be refused for another reason."""
    done = files.parity("run -j items --learned @learned.toml --json @r.json")
    assert done.exit_code in (0, 1), done.output
    assert json.loads((files.folder / "r.json").read_text())["exchanges"] > 0
