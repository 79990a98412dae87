"""What CI needs in an account, once: an identity, roles, and a place for the state.

Applied by a person before the first workflow runs, see docs/ci.md. What it exports is what the
repository's variables are set to.
"""

from infra import by_hand

# Said before the SDK is loaded, which takes seconds.
by_hand.refuse(
    __spec__,
    what="The Pulumi program of CI: who may deploy, and where the state lies.",
    instead="`pulumi -C ci preview` in the repository",
)

from collections.abc import Collection, Mapping

import pulumi
import pulumi_aws as aws

from ci.rights.boundary import boundary_statements
from ci.rights.calls import everything, lookups, reads
from ci.rights.scope import Environment
from ci.rights.state import state_statements
from ci.rights.statements import statements
from ci.roles import AUDIENCE, ISSUER, WorkflowRole, WorkflowRoleArgs
from ci.settings import load
from ci.state import State, StateArgs
from infra.iam import AwsLocation, Statement, policy

NAME = "perch-ci"

ci = load()
settings = ci.settings
provider = aws.Provider(
    NAME,
    region=ci.region,
    allowed_account_ids=[settings.account_id],
    # `ci` is the name of no environment: no deployment reaches what bears it.
    default_tags=aws.ProviderDefaultTagsArgs(
        tags={"Project": "perch", "Environment": "ci", "Owner": settings.owner}
    ),
)
here = pulumi.ResourceOptions(provider=provider)

state = State(
    NAME, StateArgs(location=AwsLocation(region=ci.region, account_id=settings.account_id)), here
)
issuer_arn: pulumi.Input[str] = (
    settings.oidc_provider_arn
    or aws.iam.OpenIdConnectProvider(
        f"{NAME}-github",
        url=f"https://{ISSUER}",
        client_id_lists=[AUDIENCE],
        tags={"Name": f"{NAME}-github"},
        opts=here,
    ).arn
)


def role(
    kind: str, description: str, claim: str, policies: Mapping[str, list[Statement]]
) -> WorkflowRole:
    """Return the role of one kind of workflow."""
    return WorkflowRole(
        f"{NAME}-{kind}",
        WorkflowRoleArgs(
            description=description,
            provider_arn=issuer_arn,
            subject=f"repo:{settings.repository}:{claim}",
            policies=policies,
        ),
        here,
    )


def state_of(names: Collection[str], *, write: bool) -> list[Statement]:
    """Return the rights on the state of some stacks."""
    return state_statements(state.bucket_arn, state.key_arn, names, write=write)


def looking(needed: Collection[str]) -> dict[str, list[Statement]]:
    """Return the policies of a role that changes nothing, in every environment."""
    names = [environment.name for environment in ci.environments]
    found = {"state": state_of(names, write=False)}
    for environment in ci.environments:
        by_area = statements(needed, environment)
        # Names no environment, so it stands once.
        found["look"] = by_area.pop("look")
        found[environment.name] = [one for group in by_area.values() for one in group]
    return found


def deploying(environment: Environment) -> dict[str, list[Statement]]:
    """Return the policies of the role that deploys one environment."""
    return {
        **statements(everything(), environment),
        "state": state_of([environment.name], write=True),
    }


preview = role("preview", "Previews pull requests", "pull_request", looking(lookups()))
drift = role(
    "drift",
    "Compares AWS with the last deployment",
    f"ref:refs/heads/{settings.branch}",
    looking(reads()),
)
pulumi.export("aws_region", ci.region)
pulumi.export(
    "pulumi_backend_url",
    pulumi.Output.concat("s3://", state.bucket_name, "?region=", ci.region),
)
pulumi.export("aws_preview_role_arn", preview.arn)
pulumi.export("aws_drift_role_arn", drift.arn)
pulumi.export(
    "secrets_provider",
    pulumi.Output.concat("awskms://", state.alias, "?region=", ci.region),
)
for one in ci.environments:
    deploy = role(
        f"deploy-{one.name}",
        f"Deploys {one.name}",
        f"environment:{one.name}",
        deploying(one),
    )
    boundary = aws.iam.Policy(
        f"{NAME}-boundary-{one.name}",
        name=f"{NAME}-boundary-{one.name}",
        description=f"The most that a role of {one.name} may do",
        policy=policy(*boundary_statements(one)),
        tags={"Name": f"{NAME}-boundary-{one.name}"},
        opts=here,
    )
    pulumi.export(f"aws_deploy_role_arn_{one.name}", deploy.arn)
    pulumi.export(f"permissions_boundary_arn_{one.name}", boundary.arn)
