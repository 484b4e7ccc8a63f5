"""OpenLDAP's server on loopback, with the entries of an LDIF file, in a folder of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from parity_core.model import ParityError
from parity_tests.stage.prefork.keeping import keep, release
from parity_tests.stage.process import free_port, tail

MISSING = "slapd is not installed (Debian and Ubuntu: apt-get install slapd)"
SUFFIX = "dc=example,dc=org"
ROOT_DN = f"cn=admin,{SUFFIX}"
ROOT_PASSWORD = "directory-password"

_START_SECONDS = 60.0
_SCHEMAS = ("core", "cosine", "inetorgperson")
_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")
_SCHEMA_FOLDERS = ("/etc/ldap/schema", "/etc/openldap/schema")


def program(name: str) -> str | None:
    """Servers are often not on the path of those who are not root."""
    return shutil.which(name) or shutil.which(name, path=":".join(_FOLDERS))


def installed() -> bool:
    return program("slapd") is not None and program("slapadd") is not None


class Slapd:
    """A running server; `stop` may be called twice.

    `anonymous_binds` is what Active Directory does by default: a bind with a name and an empty
    password succeeds, and proves nothing.
    """

    def __init__(self, ldif: Path, folder: Path, *, anonymous_binds: bool = True) -> None:
        slapd, slapadd = program("slapd"), program("slapadd")
        if slapd is None or slapadd is None:
            raise ParityError(MISSING)
        self.port = free_port()
        here = folder / f"slapd-{self.port}"
        (here / "data").mkdir(parents=True)
        settings = here / "slapd.conf"
        settings.write_text(_settings(here, anonymous_binds))
        loaded = subprocess.run(
            [slapadd, "-f", settings, "-l", ldif], capture_output=True, text=True, timeout=60
        )
        if loaded.returncode:
            raise ParityError(f"{ldif} can not be loaded:\n{loaded.stderr}")
        self._log = here / "slapd.log"
        # with -d it stays in the foreground
        self._command = [slapd, "-f", str(settings), "-h", f"{self.url}/", "-d", "0"]
        self.start_again()

    def start_again(self) -> None:
        """After `stop`: the same entries at the same address."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        keep(self._process.pid)
        self._wait()

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                gone = self._process.poll() is not None
                if gone or time.monotonic() > deadline:
                    self.stop()
                    raise ParityError(f"slapd did not start:\n{tail(self._log)}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        release(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _settings(here: Path, anonymous_binds: bool) -> str:
    schemas = next((Path(name) for name in _SCHEMA_FOLDERS if Path(name).is_dir()), None)
    if schemas is None:
        raise ParityError(f"slapd is installed without its schemas in {_SCHEMA_FOLDERS[0]}")
    lines = [f"include {schemas}/{name}.schema" for name in _SCHEMAS]
    if anonymous_binds:
        lines.append("allow bind_anon_cred")
    lines += [
        f"pidfile {here}/slapd.pid",
        # the one database that is part of the program, not a module
        "database ldif",
        f'suffix "{SUFFIX}"',
        f"directory {here}/data",
        f'rootdn "{ROOT_DN}"',
        f"rootpw {ROOT_PASSWORD}",
        "access to attrs=userPassword by anonymous auth by * none",
        "access to * by * read",
    ]
    return "\n".join(lines) + "\n"
