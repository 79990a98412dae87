"""Launch templates."""

from ops.offline.provider.create_request import (
    CreateRequest,
    CreateResult,
    handles,
    tag_specifications,
)

RENAMES = {
    "networkInterfaces.securityGroups": "Groups",
    "vpcSecurityGroupIds": "SecurityGroupIds",
}

_OF_THE_TEMPLATE = ("name", "description")


@handles("aws:ec2/launchTemplate:LaunchTemplate")
def _launch_template(request: CreateRequest) -> CreateResult:
    """Create a template's first version; what is not the template's own is what it launches."""
    name = request.physical_name()
    request.ignore("updateDefaultVersion", "defaultVersion")
    tags = request.take("tags", {})
    own = {key: request.take(key) for key in _OF_THE_TEMPLATE if key in request.inputs}
    request.inputs = {**own, "launchTemplateData": request.inputs}
    renames = {
        "name": "LaunchTemplateName",
        "description": "VersionDescription",
        **{f"launchTemplateData.{key}": value for key, value in RENAMES.items()},
    }
    parameters = request.parameters("ec2", "create_launch_template", renames)
    if tags:
        parameters["TagSpecifications"] = tag_specifications("launch-template", tags)
    template = request.call("ec2", "create_launch_template", **parameters)["LaunchTemplate"]
    identity = template["LaunchTemplateId"]
    return CreateResult(
        id=identity,
        outputs={
            "arn": request.arn("ec2", f"launch-template/{identity}"),
            "name": name,
            "latestVersion": template["LatestVersionNumber"],
            "defaultVersion": template["DefaultVersionNumber"],
        },
    )
