"""The objects machines fetch the programs from that user data has no room for."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.boot.programs import host_programs, program_key


@dataclass(frozen=True, kw_only=True)
class ProgramsArgs:
    """Where the programs are kept.

    Attributes:
        bucket: Bucket that machines only read.
    """

    bucket: pulumi.Input[str]


class Programs(pulumi.ComponentResource):
    """One object a program, named by its SHA-256, which user data has too."""

    def __init__(
        self, name: str, args: ProgramsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("perch:infra:Programs", name, None, opts)
        for program, text in host_programs().items():
            aws.s3.BucketObjectv2(
                f"{name}-{program}",
                bucket=args.bucket,
                key=program_key(text),
                content=text,
                content_type="text/plain; charset=utf-8",
                # An object takes ten tags, fewer than a stack may have.
                override_provider=aws.s3.BucketObjectv2OverrideProviderArgs(
                    default_tags=aws.s3.BucketObjectv2OverrideProviderDefaultTagsArgs(tags={})
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})
