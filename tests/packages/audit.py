"""What the service of known weaknesses says of our lists of versions, by pip-audit."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.packages.vulnerable import weaknesses

LISTS = ("dev.txt", "lowest-generic.txt")
_ID = re.compile(r"(?:CVE|GHSA|PYSEC)-[\w-]+")


def ask(file: Path) -> int:
    """0: nothing but what is accepted; 1: more; 2: it could not be asked, which is no pass."""
    command = ["pip-audit", "--disable-pip", "--no-deps", "-r", str(file), "-f", "json"]
    done = subprocess.run(
        [*command, "--progress-spinner", "off", *_ignored()],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    try:
        rows = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"{file.name}: could not be asked: {done.stderr[-500:]}", file=sys.stderr)  # noqa: T201
        return 2
    code, lines = verdict(rows)
    for line in lines:
        print(f"{file.name}: {line}")  # noqa: T201
    return code


def verdict(rows: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """Of what pip-audit found. A package that it does not know was not looked at."""
    weak = [
        f"{row['name']} {row['version']}: {one['id']}, mended in {', '.join(one['fix_versions'])}"
        for row in rows
        for one in row.get("vulns", ())
    ]
    unknown = [row["name"] for row in rows if "skip_reason" in row]
    if weak:
        return 1, weak
    if len(unknown) > len(rows) // 2:
        return 2, [
            f"could not be asked: {len(unknown)} of {len(rows)} packages are not known to it"
        ]
    return 0, [f"{len(rows) - len(unknown)} packages, none with a weakness that is not accepted"]


def _ignored() -> list[str]:
    accepted = [one.advisories for one in weaknesses().values() if one.accepted]
    return [
        word for ids in accepted for found in _ID.findall(ids) for word in ("--ignore-vuln", found)
    ]
