"""Launch templates."""

from ops.offline.aws.making import Created, Making, creates
from ops.offline.aws.rows import tag_list

_RENAMES = {
    "networkInterfaces.securityGroups": "Groups",
    "vpcSecurityGroupIds": "SecurityGroupIds",
}

_OF_THE_TEMPLATE = ("name", "description")


@creates("aws:ec2/launchTemplate:LaunchTemplate")
def _launch_template(making: Making) -> Created:
    """The template's first version; what is not the template's own is what it launches."""
    name = making.physical_name()
    making.ignore("updateDefaultVersion", "defaultVersion")
    tags = making.take("tags", {})
    own = {key: making.take(key) for key in _OF_THE_TEMPLATE if key in making.inputs}
    making.inputs = {**own, "launchTemplateData": making.inputs}
    renames = {
        "name": "LaunchTemplateName",
        "description": "VersionDescription",
        **{f"launchTemplateData.{key}": value for key, value in _RENAMES.items()},
    }
    parameters = making.parameters("ec2", "create_launch_template", renames)
    if tags:
        parameters["TagSpecifications"] = [
            {"ResourceType": "launch-template", "Tags": tag_list(tags)}
        ]
    template = making.call("ec2", "create_launch_template", **parameters)["LaunchTemplate"]
    identity = template["LaunchTemplateId"]
    return Created(
        id=identity,
        outputs={
            "arn": making.arn("ec2", f"launch-template/{identity}"),
            "name": name,
            "latestVersion": template["LatestVersionNumber"],
            "defaultVersion": template["DefaultVersionNumber"],
        },
    )
