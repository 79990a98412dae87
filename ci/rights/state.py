"""What reading and writing the state of a stack takes, in a bucket of one's own.

Paths are those of Pulumi's backend for buckets (pulumi/pulumi, pkg/backend/diy: `store.go`,
`lock.go`): a stack's checkpoint, its copies, its history and its locks bear its name. A preview
takes no lock (`backend.go`: `Preview`), so it needs no writing.
"""

from collections.abc import Collection

import pulumi

from infra.iam import Statement

PROJECT = "perch"
"""The project whose stacks the roles deploy: `name` of Pulumi.yaml."""


def state_statements(
    bucket_arn: pulumi.Input[str],
    key_arn: pulumi.Input[str],
    environments: Collection[str],
    *,
    write: bool,
) -> list[Statement]:
    """Return what reads, or reads and writes, the state of some stacks of the project."""
    objects = [
        pulumi.Output.concat(bucket_arn, "/.pulumi/*/", PROJECT, "/", name, end)
        for name in environments
        for end in (".*", "/*")
    ]
    meta = pulumi.Output.concat(bucket_arn, "/.pulumi/meta.yaml")
    found = [
        Statement(sid="ListState", actions=["s3:ListBucket"], resources=[bucket_arn]),
        Statement(sid="ReadState", actions=["s3:GetObject"], resources=[meta, *objects]),
        # The same key opens the secrets in a stack's file and state, without a service between.
        Statement(sid="OpenState", actions=["kms:Decrypt"], resources=[key_arn]),
    ]
    if write:
        found += [
            Statement(
                sid="WriteState", actions=["s3:PutObject", "s3:DeleteObject"], resources=objects
            ),
            Statement(sid="SealState", actions=["kms:GenerateDataKey"], resources=[key_arn]),
        ]
    return found
