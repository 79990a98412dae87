"""Where gateway images live: an ECR repository whose tags cannot be moved."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """What a repository is made from.

    Attributes:
        repository: Its name; machines are told it before it exists.
        key_arn: KMS key of the images.
        keep_images: How many images are kept, the newest.
        force_destroy: Whether `pulumi destroy` may delete it with images in it.
    """

    repository: str
    key_arn: pulumi.Input[str]
    keep_images: int = 30
    force_destroy: bool = False


class Registry(pulumi.ComponentResource):
    """An ECR repository.

    Attributes:
        url: Registry and repository, without a tag.
        arn: ARN of the repository.
    """

    url: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if args.keep_images < 2:  # noqa: PLR2004 - each colour may run another one
            raise ValueError(f"keep_images is {args.keep_images}; accepted: 2 or more")
        super().__init__("perch:infra:Registry", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        repository = aws.ecr.Repository(
            name,
            name=args.repository,
            # A tag that can be moved would let two machines of one colour run different gateways.
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(
                scan_on_push=True
            ),
            encryption_configurations=[
                aws.ecr.RepositoryEncryptionConfigurationArgs(
                    encryption_type="KMS", kms_key=args.key_arn
                )
            ],
            force_delete=args.force_destroy,
            tags={"Name": name},
            opts=child,
        )
        aws.ecr.LifecyclePolicy(
            name, repository=repository.name, policy=_keep(args.keep_images), opts=child
        )
        self.url = repository.repository_url
        self.arn = repository.arn
        self.register_outputs({"url": self.url, "arn": self.arn})


def _keep(images: int) -> str:
    rule = {
        "rulePriority": 1,
        "description": f"keep the newest {images}",
        "selection": {
            "tagStatus": "any",
            "countType": "imageCountMoreThan",
            "countNumber": images,
        },
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]})
