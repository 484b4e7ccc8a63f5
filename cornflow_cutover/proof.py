"""The proof that Cornflow needs its legacy no more, for `cutover finish --check`.

`python -m cornflow_cutover.proof` replays parity with the legacy on one side and, on the other,
the bridge with the mount removed; its arguments go to `parity run`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Parity with the mount removed. Exit codes are those of `parity run`."""
    with tempfile.TemporaryDirectory(prefix="cutover-proof-") as folder:
        rules = Path(folder, "rules.json")
        census = [sys.executable, "-m", "legacy_bridge.cli", "census", "--json"]
        done = subprocess.run(census, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(done.stderr or done.stdout, file=sys.stderr)  # noqa: T201
            return 2
        rules.write_text(json.dumps(json.loads(done.stdout)))
        command = [sys.executable, "-m", "parity_tests.cli", "run", *arguments]
        command += ["--set", "ported_server=cornflow_cutover.alone"]
        environment = os.environ | {"CUTOVER_RULES": str(rules)}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
