"""SSM parameters that a stack makes and that `perch` writes from then on."""

import pulumi
import pulumi_aws as aws


def operated_parameter(  # noqa: PLR0913 - what a parameter consists of
    slug: str,
    *,
    name: str,
    description: str,
    first: str,
    pattern: str,
    parent: pulumi.Resource,
) -> None:
    """Make a parameter that holds one of a few words.

    Its value here is only how it begins: whoever operates the stack turns it, and the next
    `pulumi up` must not turn it back.

    Args:
        slug: Name of the resource, and its tag Name.
        name: Of the parameter.
        description: What it says and who writes it.
        first: The word it begins with.
        pattern: Of all that it takes; SSM itself refuses any other, whoever writes.
        parent: The component that it belongs to.
    """
    aws.ssm.Parameter(
        slug,
        name=name,
        description=description,
        type="String",
        tier="Standard",
        value=first,
        allowed_pattern=pattern,
        tags={"Name": slug},
        opts=pulumi.ResourceOptions(parent=parent, ignore_changes=["value"]),
    )
