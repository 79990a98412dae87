"""The stacks of this checkout, whatever people wrote there: added, removed, filled in, encrypted.

All other tests run the stacks as delivered (tests/samples). Not proved here: that AWS takes what
people wrote; that Pulumi reads and decrypts what it wrote; and what the policies say of people's
own stacks, which `perch preview` and `pulumi up` tell them. That `make check` accepts such files is
in tests/repository/test_secrets.py.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from infra.policies.engine.judging import judge
from infra.policies.engine.recorded import read
from infra.policies.exemptions import EXEMPTIONS
from infra.policies.pack import policies
from ops.offline.engine.program import run_program
from ops.offline.engine.project import STAND_IN, StackProject, load_project, stack_names
from ops.offline.errors import OfflineError
from ops.offline.placeholders import PlaceholderProvider
from tests.infra.building import REGION, ROOT, stack
from tests.support.cases import few
from tests.support.stacks import SAMPLES, has_own_values, is_filled_in, sample

pytestmark = pytest.mark.xdist_group("infra-program")

BEFORE_REVIEWS: Final = min(exemption.review for exemption in EXEMPTIONS)
PASSPHRASE: Final = {"encryptionsalt": "v1:gVNCcbPGZ4M=:v1:kGbWcWvmTzwVHxJ2:Yv9mGgSZKRhLhXG1"}
KMS: Final = {
    "secretsprovider": "awskms://alias/key?region=us-east-2",  # pragma: allowlist secret
    "encryptedkey": "AQICAHhDGpBEsbZ8",
}
SECRETS: Final = ("gateway_bearer_tokens", "ngc_api_key")
EDITED: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "local": ("local", PASSPHRASE),
    "dev": ("dev", PASSPHRASE),
    "qa": ("staging", KMS),
    "prod": ("prod", KMS),
}
"""Name -> the stack it was, and what `pulumi stack init` adds. There is no staging any more."""


def run(project: StackProject, *, preview: bool) -> dict[str, Any]:
    region = project.config.get("aws:region", REGION)
    backend = PlaceholderProvider(region=region, preview=preview)
    document: dict[str, Any] = json.loads(run_program(project, backend, preview=preview).dump())
    return document


def own(name: str, *, preview: bool) -> dict[str, Any]:
    """Run a stack of the checkout, unless it was run as the sample that it still is."""
    if has_own_values(name):
        return run(load_project(name, root=ROOT), preview=preview)
    document: dict[str, Any] = json.loads(stack(name, preview=preview).dump())
    return document


@pytest.mark.parametrize("name", stack_names(ROOT))
def test_a_stack_of_this_checkout_is_run_and_judged_or_refused_in_sentences(name: str) -> None:
    for preview in (False, True):
        try:
            document = own(name, preview=preview)
        except OfflineError as refused:
            said = str(refused)
            assert "problem(s) in its configuration, nothing was touched" in said, said
        else:
            judge(policies(EXEMPTIONS), read(document))


def test_a_stack_that_nobody_filled_in_is_the_one_that_other_tests_run() -> None:
    changed = [
        name
        for name in stack_names(ROOT)
        if name in stack_names(SAMPLES) and not is_filled_in(name) and has_own_values(name)
    ]
    assert changed == [], "if they are to be delivered so: python -m tests.support.stacks"


def as_pulumi_leaves_it(text: str, provider: Mapping[str, str]) -> str:
    """A stack's file after `pulumi stack init`, `pulumi config set` and another writer of YAML."""
    document = yaml.safe_load(text)
    config = {
        key: json.dumps(value) if isinstance(value, bool | int) else value
        for key, value in document["config"].items()
    }
    config |= {f"perch:{name}": {"secure": "v1:nonce:ciphertext"} for name in SECRETS}
    return yaml.safe_dump({**document, **provider, "config": config})


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the stacks as delivered, edited."""
    root = tmp_path_factory.mktemp("edited")
    (root / "Pulumi.yaml").write_text(f"name: perch\nruntime: python\nmain: {ROOT / 'infra'}\n")
    for name, (was, provider) in EDITED.items():
        text = (SAMPLES / f"Pulumi.{was}.yaml").read_text(encoding="utf-8")
        after = as_pulumi_leaves_it(text, provider)
        assert "#" not in after
        (root / f"Pulumi.{name}.yaml").write_text(after, encoding="utf-8")
    return root


@pytest.mark.parametrize("name", EDITED)
def test_what_pulumi_and_editors_do_to_a_file_changes_no_setting(edited: Path, name: str) -> None:
    before, after = sample(EDITED[name][0]), load_project(name, root=edited)
    secrets = {f"perch:{secret}": STAND_IN for secret in SECRETS}
    assert after.config == {**before.config, **secrets}
    assert after.secret_keys == before.secret_keys | set(secrets)


@functools.cache
def findings(root: Path, name: str) -> list[str]:
    """What the policies say of a preview, but for what it cannot know."""
    project = dataclasses.replace(load_project(name, root=root), root=ROOT)
    document = run(project, preview=True)
    values = [one for one in document["resources"] if one["type"].endswith(":SecretVersion")]
    # Of NVIDIA's key only where the image is NVIDIA's.
    assert f"perch-{name}-gateway-bearer-tokens" in {one["name"] for one in values}
    said = judge(policies(EXEMPTIONS, BEFORE_REVIEWS), read(document))
    return [finding.policy for finding in said if finding.judged]


@pytest.mark.parametrize("name", few(("local", "dev", "prod"), ("prod",)))
def test_a_stack_with_secrets_in_it_is_previewed_and_has_every_property(
    edited: Path, name: str
) -> None:
    assert findings(edited, name) == []


def test_a_stack_that_was_added_has_no_exemption_but_those_of_every_stack(edited: Path) -> None:
    assert findings(edited, "qa") == ["a-web-acl-stands-before-the-entrance"]
