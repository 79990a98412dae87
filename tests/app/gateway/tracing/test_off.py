"""A gateway without traces neither needs nor loads OpenTelemetry."""

import subprocess
import sys
from pathlib import Path

GATEWAY = """
import asyncio, sys
from app.asr import RivaASRClient, RivaSettings
from app.gateway.server.app import create_app
from app.gateway.settings.gateway import GatewaySettings
import app.gateway.__main__

class None_Here:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, None_Here())

async def main():
    app = create_app(GatewaySettings(_env_file=None), RivaASRClient(RivaSettings(_env_file=None)))
    async with app.router.lifespan_context(app):
        pass

asyncio.run(main())
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


def test_it_starts_and_ends_where_opentelemetry_is_not_installed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", GATEWAY],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
