"""The libraries the server runs on and their licences. Source: ``shared/licenses.py``."""

from functools import lru_cache
from importlib import metadata
from typing import Any

_FIELDS = {
    "library": "Name",
    "license": "License",
    "version": "Version",
    "author": "Author",
    "description": "Summary",
    "home page": "Home-page",
}


@lru_cache(maxsize=1)
def list_all() -> list[dict[str, str]]:
    """Read once: what is installed does not change while the server runs."""
    packages = sorted(
        metadata.distributions(), key=lambda package: package.metadata["Name"].lower()
    )
    return [_described(dict(_items(package.metadata))) for package in packages]


def _items(package: Any) -> list[tuple[str, str]]:
    # A Message in fact, and of a field given twice the last counts.
    return list(package.items())


def _described(package: dict[str, str]) -> dict[str, str]:
    return {shown: package.get(name, f"({name} not found)") for shown, name in _FIELDS.items()}
