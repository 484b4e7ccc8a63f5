"""`config`: what the server would be told by the environment."""

import json
import os
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from cornflow_f.cli import options
from cornflow_f.cli.run import CouldNotRun, load_settings
from cornflow_f.config import Settings
from cornflow_f.database import address

_MASK = "***"
_SECRET_WORDS = ("SECRET", "PASSWORD", "PWD")
_NOT_SECRET = ("PWD_ROTATION_TIME", "SERVICE_USER_ALLOW_PASSWORD_LOGIN")


@click.group()
def config() -> None:
    """The settings: environment variables with the legacy's names, and their defaults."""


@config.command("list")
@click.option("--show-secrets", is_flag=True, help="Print keys and passwords too.")
@options.as_json
def list_settings(show_secrets: bool, as_json: bool) -> None:
    """List all settings."""
    values = _values(show_secrets)
    if as_json:
        click.echo(json.dumps(values))
        return
    table = Table("variable", "value")
    for name, value in values.items():
        table.add_row(name, value)
    Console().print(table)


@config.command("get")
@click.option("-k", "--key", required=True, help="The environment variable, e.g. AUTH_TYPE.")
def get_setting(key: str) -> None:
    """Print the value of one setting, secret or not."""
    values = _values(show_secrets=True)
    if key.upper() not in values:
        raise CouldNotRun(f"There is no setting {key}. Run: cornflow-f config list")
    click.echo(values[key.upper()])


@config.command("save")
@click.option("-p", "--path", default="", help="Written before the name config.cfg, e.g. /etc/x/")
@click.option("--show-secrets", is_flag=True, help="Write keys and passwords too.")
def save_settings(path: str, show_secrets: bool) -> None:
    """Write all settings to a file named config.cfg."""
    # parity: the path is a prefix, so a folder needs its slash (cli/config.py, config_save)
    target = Path(f"{path}config.cfg")
    lines = [f"{name} = {value}" for name, value in _values(show_secrets).items()]
    try:
        # Before anything secret is in it.
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            os.fchmod(handle, 0o600)
            file.write("\n".join(["[configuration]", "", *lines, ""]))
    except OSError as error:
        raise CouldNotRun(f"{target} can't be written: {error.strerror}") from error
    click.echo(f"Written: {target}")


def _values(show_secrets: bool) -> dict[str, str]:
    settings = load_settings()
    values = {}
    for field, info in Settings.model_fields.items():
        name = info.alias or field.upper()
        value = getattr(settings, field)
        text = "" if value is None else str(int(value) if isinstance(value, int) else value)
        values[name] = text if show_secrets else _masked(name, text)
    return values


def _masked(name: str, value: str) -> str:
    if name == "DATABASE_URL":
        try:
            return address.read(value).display()
        except address.AddressError:
            return _MASK
    if value and name not in _NOT_SECRET and any(word in name for word in _SECRET_WORDS):
        return _MASK
    return value
