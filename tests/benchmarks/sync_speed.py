"""How fast a gateway's store in SQLite comes in, and how fast a pass over what is there already is.

python -m tests.benchmarks.sync_speed [ROWS]
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.gateways import Bifrost, row


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        gateway = Bifrost(Path(folder) / "logs.db")
        for first in range(0, rows, 10_000):
            gateway.write(*(row(n) for n in range(first, min(first + 10_000, rows))))
        environment = {**os.environ, "TALLYBOOK_DATABASE_URL": f"sqlite:///{folder}/ledger.db"}
        for what in ("new", "known"):
            command = [
                sys.executable,
                "-m",
                "dashboard",
                "sync",
                "bifrost",
                "logs.db",
                "--since",
                "2026-01-01",
            ]
            before = os.times()
            done = subprocess.run(
                [*command, "--json"], cwd=folder, env=environment, check=True, capture_output=True
            )
            after = os.times()
            told = json.loads(done.stdout)
            processor = after.children_user + after.children_system
            processor -= before.children_user + before.children_system
            speed = told["records"] / told["seconds"]
            print(f"{what}: {told['records']:,} rows in {told['seconds']:.1f} s, {speed:,.0f}/s")
            print(f"  {processor:.1f} s of processor time")
        gateway.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
