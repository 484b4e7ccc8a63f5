"""Every key of every file that is shipped, misspelt by one letter, is refused, with the right word and its line."""

import tomllib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from legacy_bridge.settings import BridgeSettings, SettingsError, load_settings
from parity_core.files.read import read_toml, toml_line, validated
from parity_core.files.rules_toml import RulesFile
from parity_core.files.sentence import Loc, keys_at, value_at
from parity_core.files.waivers_toml import WaiversFile
from parity_core.model import ParityError
from parity_tests.fuzz.fuzz_toml import FuzzFile
from parity_tests.matrix.matrix_yaml import MatrixFile
from parity_tests.mutants.mutants_toml import MutantsFile
from parity_tests.parity_toml import ParityFile, ServiceName, ServicesTable
from parity_tests.performance.performance_toml import PerformanceFile
from parity_tests.stage.services.registry import SERVICES

ROOT = Path(__file__).parents[2]
FOLDERS = ("parity_tests/cornflow", "parity_tests/starter", "examples/library", "tests/parity/shop")
MODELS: dict[str, type[BaseModel]] = {
    "parity.toml": ParityFile, "rules.toml": RulesFile, "waivers.toml": WaiversFile, "fuzz.toml": FuzzFile,
    "mutants.toml": MutantsFile, "performance.toml": PerformanceFile, "matrix.yaml": MatrixFile,
}  # fmt: skip
FILES = [
    ROOT / folder / name
    for folder in FOLDERS
    for name in MODELS
    if (ROOT / folder / name).is_file()
]


def data_of(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)


def keys(file: Any, model: type[BaseModel], loc: Loc = ()) -> Iterator[Loc]:
    """The way to every key whose name a model says; names in free tables are anybody's."""
    data = value_at(file, loc)
    if isinstance(data, dict):
        known = keys_at(model, loc, file)
        for key in data:
            if key in known:
                yield (*loc, key)
            yield from keys(file, model, (*loc, key))
    elif isinstance(data, list):
        for number in range(len(data)):
            yield from keys(file, model, (*loc, number))


def misspelt(key: str) -> str:
    return key[:1] + key[2:] if len(key) > 3 else f"{key}x"


def renamed(data: Any, loc: Loc) -> Any:
    """A copy in which the key at `loc` is misspelt, where it stands."""
    copy = deepcopy(data)
    table = value_at(copy, loc[:-1])
    items = [(misspelt(key) if key == loc[-1] else key, value) for key, value in table.items()]
    table.clear()
    table.update(items)
    return copy


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_misspelt_key_is_refused(path: Path) -> None:
    model, data = MODELS[path.name], data_of(path)
    validated(data, model, path, lambda _: None)
    every = list(keys(data, model))
    assert every or path.parent.name == "starter"
    # the model's own cost is that of the whole file: of many alike the first few stand for all
    alike: dict[Loc, int] = {}
    for loc in every:
        kind = tuple(part for part in loc if isinstance(part, str))
        alike[kind] = alike.get(kind, 0) + 1
        if alike[kind] > 10:
            continue
        wrong = misspelt(str(loc[-1]))
        with pytest.raises(ParityError) as refused:
            validated(renamed(data, loc), model, path, lambda _: None)
        sentence = str(refused.value)
        assert str(path) in sentence
        assert f"{wrong}`" in sentence, sentence
        assert "unknown" in sentence, sentence
        if len(str(loc[-1])) > 3:
            assert f"did you mean `{loc[-1]}`?" in sentence


TOML = [path for path in FILES if path.suffix == ".toml"]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_sentence_names_the_line(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """The key is misspelt in the text itself, on the line where it stands."""
    path = data.draw(
        st.sampled_from([one for one in TOML if list(keys(data_of(one), MODELS[one.name]))])
    )
    model, text = MODELS[path.name], path.read_text(encoding="utf-8")
    loc = data.draw(st.sampled_from(list(keys(data_of(path), model))))
    line = toml_line(text, loc)
    assert line is not None
    lines = text.splitlines(keepends=True)
    key = str(loc[-1])
    assert key in lines[line - 1]
    head = lines[line - 1].lstrip().startswith("[")
    at = lines[line - 1].rindex(key) if head else lines[line - 1].index(key)
    lines[line - 1] = lines[line - 1][:at] + misspelt(key) + lines[line - 1][at + len(key) :]
    copy = tmp_path_factory.mktemp("misspelt") / path.name
    copy.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(ParityError, match=f"{path.name}:[0-9]+: ") as refused:
        read_toml(copy, model)
    assert misspelt(key) in str(refused.value) or f"{key}` is missing" in str(refused.value)


def test_the_line_is_that_of_the_key_and_not_of_its_end() -> None:
    text = 'a = 1\n\n# why\n[t]\nlong = [\n  "x",\n  "[t]",\n]\n[[l]]\nk = """\nk = 1\n"""\n[[l]]\nk = 2\n'
    lines = {
        loc: toml_line(text, loc)
        for loc in [
            ("a",),
            ("t",),
            ("t", "long"),
            ("l", 0, "k"),
            ("l", 1),
            ("l", 1, "k"),
            ("t", "gone"),
        ]
    }
    assert [*lines.values()] == [1, 4, 5, 10, 13, 14, 4]


def test_the_services_of_the_files_are_those_there_are() -> None:
    assert set(ServicesTable.model_fields) == set(get_args(ServiceName)) == set(SERVICES)


@pytest.mark.parametrize("field", BridgeSettings.model_fields)
def test_every_misspelt_setting_is_refused(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    name = f"CUTOVER_{field.upper()}"
    wrong = name[:9] + name[10:]
    monkeypatch.setenv(wrong, "1")
    with pytest.raises(
        SettingsError, match=f"^{wrong} is no setting of the bridge; did you mean `{name}`"
    ):
        load_settings()
