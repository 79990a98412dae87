"""The scrape configuration of the page: Prometheus takes it, and its jobs are the rules'."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from infra.boot.settings import EXPORTER_PORT
from ops.observe.documents import RULES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "observability.md"
(SHOWN,) = re.findall(r"```yaml\n(scrape_configs:.*?)```", PAGE.read_text(), re.DOTALL)


def test_each_page_of_a_machine_has_a_job_and_the_alerts_know_it() -> None:
    jobs = yaml.safe_load(SHOWN)["scrape_configs"]
    assert {job["metrics_path"]: job["job_name"] for job in jobs} == {
        "/metrics": "perch-host",
        "/gateway": "perch-gateway",
        "/recogniser": "perch-recogniser",
    }
    assert {found["port"] for job in jobs for found in job["ec2_sd_configs"]} == {EXPORTER_PORT}
    (watched,) = re.findall(r'up\{job=~"([^"]+)"\}', RULES.read_text())
    assert set(watched.split("|")) < {job["job_name"] for job in jobs}


@pytest.mark.tool
@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs Debian's `prometheus`")
def test_prometheus_takes_it(tmp_path: Path) -> None:
    (tmp_path / "perch-rules.yaml").write_text(RULES.read_text())
    (tmp_path / "prometheus.yml").write_text(SHOWN)
    done = subprocess.run(
        ["promtool", "check", "config", "prometheus.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
