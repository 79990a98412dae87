"""`python -m infra.policies.check`: what `perch preview` reads of a recorded run."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from infra.policies.check import main, verdict
from infra.policies.exemptions import EXEMPTIONS
from tests.infra.building import ROOT
from tests.infra.policies.breaking import copy_of, option

pytestmark = pytest.mark.xdist_group("infra-program")


@pytest.fixture(scope="module")
def broken() -> str:
    """A recorded run of prod with one property lost."""
    document = copy_of("prod")
    option("Key data", "protect", False)(document)
    return json.dumps(document)


def test_a_finding_names_policy_ids_resource_and_place(broken: str) -> None:
    told = verdict(json.loads(broken), EXEMPTIONS, date(2026, 11, 22))
    [finding] = told["findings"]
    assert finding.pop("source").startswith("infra/security/encryption.py:")
    assert finding == {
        "policy": "keys-are-not-lost",
        "property": 24,
        "ids": ["KMS.3", "project's own"],
        "urn": "urn:pulumi:prod::perch::perch:infra:Encryption$aws:kms/key:Key::perch-prod-data",
        "name": "perch-prod-data",
        "type": "aws:kms/key:Key",
        "message": "protect is off, so destroying the stack deletes it; accepted: protect",
    }


def test_exceptions_are_told_with_their_reason_and_when_they_are_due(broken: str) -> None:
    told = verdict(json.loads(broken), EXEMPTIONS, date(2030, 1, 1))
    assert {"policy", "urn", "reason", "owner", "review"} <= told["excepted"][0].keys()
    assert len(told["overdue"]) == len(EXEMPTIONS)
    assert told["unjudged"] == []


def test_the_command_reads_stdin_prints_json_and_fails_on_findings(broken: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.policies.check", "--recording", "-"],
        input=broken,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert [one["name"] for one in json.loads(done.stdout)["findings"]] == ["perch-prod-data"]


def test_a_stack_without_findings_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "dev.json"
    recording.write_text(json.dumps(copy_of("dev")), encoding="utf-8")
    assert main(["--recording", str(recording)]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value"),
        ("[]", "resources is missing or empty"),
        ('{"resources": {}}', "resources is missing or empty"),
        ('{"resources": [1]}', "resources[0].urn is missing"),
        ('{"resources": [{"urn": "u", "type": "t", "name": "n"}]}', "resources[0].inputs"),
    ],
)
def test_what_is_no_recorded_run_is_refused(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "recording.json"
    recording.write_text(text, encoding="utf-8")
    assert main(["--recording", str(recording)]) == 2
    assert said in capsys.readouterr().err
    assert main(["--recording", str(tmp_path / "missing.json")]) == 2
