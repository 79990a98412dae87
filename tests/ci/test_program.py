"""What the CI project makes: who may take which role, and a place for the state that is shut."""

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
import yaml

from ci.settings import parse
from infra.policies.engine.judging import judge
from infra.policies.engine.recorded import read
from infra.policies.pack import policies as pack
from ops.offline.errors import OfflineError
from ops.offline.recorder import record
from tests.ci.building import ACCOUNT, ENVIRONMENTS, PROJECT, REGION, STACK, recording
from tests.support.stacks import SAMPLES

pytestmark = pytest.mark.xdist_group("infra-program")

GITHUB = "token.actions.githubusercontent.com"
GIVEN: dict[str, Any] = {
    "account_id": ACCOUNT,
    "owner": "platform team",
    "repository": "octo-org/perch",
    "environments": {"dev": "external"},
}


def config() -> dict[str, Any]:
    text = (PROJECT / f"Pulumi.{STACK}.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)["config"]
    return found


def test_each_role_is_taken_by_the_tokens_of_one_kind_of_workflow() -> None:
    subjects = {}
    for role in recording().of_type("aws:iam/role:Role"):
        [statement] = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert set(statement["Condition"]) == {"StringEquals"}
        claims = statement["Condition"]["StringEquals"]
        assert claims[f"{GITHUB}:aud"] == "sts.amazonaws.com"
        subjects[role.name] = claims[f"{GITHUB}:sub"]
    of_repository = f"repo:{config()['perch-ci:repository']}:"
    assert subjects == {
        "perch-ci-preview": f"{of_repository}pull_request",
        "perch-ci-drift": f"{of_repository}ref:refs/heads/main",
        **{f"perch-ci-deploy-{one}": f"{of_repository}environment:{one}" for one in ENVIRONMENTS},
    }


def test_as_delivered_its_configuration_speaks_of_the_stacks_as_they_are() -> None:
    for path in SAMPLES.glob("Pulumi.*.yaml"):
        name = path.name.split(".")[1]
        if name == "local":
            continue
        stack = yaml.safe_load(path.read_text("utf-8"))["config"]
        assert stack["aws:region"] == config()["aws:region"]
        assert config()["perch-ci:environments"][name] == stack["perch:domain"]["zone_id"]


# What the pack would refuse, and why it is right here: policy -> ends of the policies' names.
UNNAMED: Mapping[str, frozenset[str]] = {
    # Reads that know no resources; test_rights.py compares them with AWS's list. Of the writes
    # that know none, keys and certificates ask for tags, the others for the region.
    "resources-are-named": frozenset({"look", "entrance", "secrets", "storage"}),
    # What AWS names by itself is narrowed by its tags; test_reach.py shows how far.
    "roles-write-where-they-may": frozenset(
        {"entrance", "machines", "network", "secrets", "storage"}
    ),
    "roles-manage-no-permissions": frozenset({"secrets"}),
    "decryption-is-by-named-keys": frozenset({"secrets"}),
    # Auto scaling asks whether its caller might launch. From a template of his own alone, with a
    # role that has the boundary.
    "roles-cannot-raise-themselves": frozenset({"machines"}),
}
BOUNDARY: tuple[str, ...] = (
    # It allows nothing by itself. Session Manager's calls know no resources.
    *("resources-are-named", "roles-write-where-they-may", "roles-carry-no-data-away"),
    "decryption-is-by-named-keys",
)


def test_the_pack_finds_nothing_but_what_ci_is_there_for() -> None:
    found = judge(pack((), date(2026, 1, 1)), read(recording().as_document()))
    said = {(one.policy, one.urn.rpartition("::")[2]) for one in found if one.judged}
    expected = {
        (policy, f"perch-ci-deploy-{environment}-{end}")
        for environment in ENVIRONMENTS
        for policy, ends in UNNAMED.items()
        for end in ends
    }
    expected |= {
        (policy, f"perch-ci-boundary-{environment}")
        for environment in ENVIRONMENTS
        for policy in BOUNDARY
    }
    # A refresh reads secrets by the key of their environment, known by its tags.
    expected |= {
        (policy, f"perch-ci-drift-{environment}")
        for environment in ENVIRONMENTS
        for policy in ("roles-write-where-they-may", "decryption-is-by-named-keys")
    }
    expected |= {("resources-are-named", f"perch-ci-{role}-look") for role in ("drift", "preview")}
    # GitHub takes them, by its identity provider: whose tokens is tested above.
    expected |= {
        ("only-services-take-roles", one.name) for one in recording().of_type("aws:iam/role:Role")
    }
    # The log of who reads the state ends somewhere, and S3 delivers it only where it encrypts.
    expected |= {
        ("bucket-access-is-logged", "perch-ci-state-logs"),
        ("buckets-have-the-stacks-key", "perch-ci-state-logs"),
    }
    assert said == expected


def test_the_state_is_versioned_sealed_with_its_own_key_and_kept() -> None:
    found = recording()
    name = "perch-ci-state"
    [rule] = found.one(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        name,
    ).inputs["rules"]
    default = rule["applyServerSideEncryptionByDefault"]
    key = found.one("aws:kms/key:Key", name)
    assert default["sseAlgorithm"] == "aws:kms"
    assert default["kmsMasterKeyId"] == found.states[key.urn].outputs["arn"]
    versioning = found.one("aws:s3/bucketVersioning:BucketVersioning", name)
    assert versioning.inputs["versioningConfiguration"] == {"status": "Enabled"}
    assert key.inputs["enableKeyRotation"] is True
    assert key.options["protect"] is True


def test_everything_that_a_person_sets_is_exported() -> None:
    outputs = recording().outputs
    assert (
        outputs["pulumi_backend_url"] == f"s3://perch-ci-state-{ACCOUNT}-{REGION}?region={REGION}"
    )
    assert outputs["secrets_provider"] == f"awskms://alias/perch-ci-state?region={REGION}"
    assert set(outputs) == {
        *("aws_region", "pulumi_backend_url", "secrets_provider"),
        *("aws_preview_role_arn", "aws_drift_role_arn"),
        *(f"aws_deploy_role_arn_{one}" for one in ENVIRONMENTS),
        *(f"permissions_boundary_arn_{one}" for one in ENVIRONMENTS),
    }


def test_an_identity_provider_that_the_account_has_is_used() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"
    found = record(STACK, root=PROJECT, overrides={"oidc_provider_arn": arn})
    assert found.of_type("aws:iam/openIdConnectProvider:OpenIdConnectProvider") == ()
    role = found.one("aws:iam/role:Role", "perch-ci-preview")
    [statement] = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Federated": arn}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account_id": "1234"}, "account_id is 1234; accepted: an AWS account of 12 digits"),
        ({"repository": "perch"}, "repository is perch; accepted: owner/name"),
        ({"repository": "octo-org/*"}, "accepted: owner/name"),
        ({"environments": {}}, "environments is empty; accepted: at least one stack"),
        ({"environments": {"ci": "external"}}, "environments is ci; accepted: any other name"),
        ({"environments": {"dev": "here"}}, "or external where DNS is elsewhere"),
        (
            {"environments": {"dev": "external", "dev-2": "external"}},
            "environments is dev, dev-2; accepted: no name that begins with dev-",
        ),
        ({"oidc_provider_arn": "github"}, "accepted: the ARN of the account's identity provider"),
        ({"branche": "main"}, "branche is not a key; accepted: did you mean branch?"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_made(changes: dict[str, Any], said: str) -> None:
    _, problems = parse({**GIVEN, **changes})
    [problem] = problems
    assert said in re.sub(r'"', "", str(problem))


def test_a_repository_with_ids_is_accepted() -> None:
    settings, problems = parse({**GIVEN, "repository": "octo-org@123456/perch@456789"})
    assert problems == []
    assert settings.repository == "octo-org@123456/perch@456789"


def test_all_problems_are_said_at_once_and_without_a_traceback() -> None:
    with pytest.raises(OfflineError, match=r"2 problem\(s\) in the configuration") as caught:
        record(STACK, root=PROJECT, overrides={"account_id": "1", "owner": ""})
    assert "account_id" in str(caught.value)
    assert "owner" in str(caught.value)
