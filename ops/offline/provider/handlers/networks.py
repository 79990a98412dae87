"""VPC, subnets, routes, ways out, endpoints."""

from typing import Any

from ops.offline.provider.create_request import CreateRequest, CreateResult, handles
from ops.offline.provider.rows import Row, Step, add

FULL_ACCESS = (
    '{"Version": "2008-10-17", "Statement":'
    ' [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}'
)
"""What an endpoint lets pass where nothing is said (VPC User Guide, endpoint policies)."""

_EC2_ARN = "arn:aws:ec2:{region}:{account}"

add(
    {
        "aws:ec2/subnet:Subnet": Row(
            service="ec2",
            operation="create_subnet",
            id="Subnet.SubnetId",
            tagged="subnet",
            steps=(
                Step(
                    operation="modify_subnet_attribute",
                    takes={"mapPublicIpOnLaunch": "MapPublicIpOnLaunch.Value"},
                    on="SubnetId",
                ),
            ),
        ),
        "aws:ec2/internetGateway:InternetGateway": Row(
            service="ec2",
            operation="create_internet_gateway",
            id="InternetGateway.InternetGatewayId",
            tagged="internet-gateway",
            steps=(
                Step(
                    operation="attach_internet_gateway",
                    takes={"vpcId": "VpcId"},
                    on="InternetGatewayId",
                ),
            ),
            outputs={"arn": _EC2_ARN + ":internet-gateway/{id}"},
        ),
        "aws:ec2/eip:Eip": Row(
            service="ec2",
            operation="allocate_address",
            id="AllocationId",
            tagged="elastic-ip",
            outputs={"arn": _EC2_ARN + ":elastic-ip/{id}"},
        ),
        "aws:ec2/routeTable:RouteTable": Row(
            service="ec2",
            operation="create_route_table",
            id="RouteTable.RouteTableId",
            tagged="route-table",
            outputs={"arn": _EC2_ARN + ":route-table/{id}"},
        ),
        "aws:ec2/route:Route": Row(
            service="ec2",
            operation="create_route",
            # The provider's id is the table's with a hash of the destination; nothing refers to it.
            id="=r-{routeTableId}-{destinationCidrBlock}",
        ),
        "aws:ec2/routeTableAssociation:RouteTableAssociation": Row(
            service="ec2", operation="associate_route_table", id="AssociationId"
        ),
        "aws:ec2/flowLog:FlowLog": Row(
            service="ec2",
            operation="create_flow_logs",
            id="FlowLogIds.0",
            tagged="vpc-flow-log",
            renames={"vpcId": "ResourceIds", "iamRoleArn": "DeliverLogsPermissionArn"},
            fixed={"ResourceType": "VPC"},
            outputs={"arn": _EC2_ARN + ":vpc-flow-log/{id}"},
        ),
    }
)


@handles("aws:ec2/vpc:Vpc")
def _vpc(request: CreateRequest) -> CreateResult:
    settings = {key: request.take(key) for key in ("enableDnsSupport", "enableDnsHostnames")}
    parameters = request.tagged_parameters("create_vpc", "vpc")
    vpc_id = request.call("ec2", "create_vpc", **parameters)["Vpc"]["VpcId"]
    for key, value in settings.items():
        if value is not None:  # AWS changes one attribute a call
            attribute = key[0].upper() + key[1:]
            request.call(
                "ec2", "modify_vpc_attribute", VpcId=vpc_id, **{attribute: {"Value": bool(value)}}
            )
    mine = [{"Name": "vpc-id", "Values": [vpc_id]}]
    default = {"Name": "group-name", "Values": ["default"]}
    tables = request.call("ec2", "describe_route_tables", Filters=mine)["RouteTables"]
    acls = request.call("ec2", "describe_network_acls", Filters=mine)["NetworkAcls"]
    groups = request.call("ec2", "describe_security_groups", Filters=[*mine, default])
    return CreateResult(
        id=vpc_id,
        outputs={
            "arn": request.arn("ec2", f"vpc/{vpc_id}"),
            "ownerId": request.account,
            "mainRouteTableId": tables[0]["RouteTableId"],
            "defaultRouteTableId": tables[0]["RouteTableId"],
            "defaultNetworkAclId": acls[0]["NetworkAclId"],
            "defaultSecurityGroupId": groups["SecurityGroups"][0]["GroupId"],
            "instanceTenancy": request.resource.inputs.get("instanceTenancy", "default"),
        },
    )


@handles("aws:ec2/natGateway:NatGateway")
def _nat_gateway(request: CreateRequest) -> CreateResult:
    parameters = request.tagged_parameters("create_nat_gateway", "natgateway")
    gateway = request.call("ec2", "create_nat_gateway", **parameters)["NatGateway"]
    address = gateway["NatGatewayAddresses"][0]
    outputs = {
        "publicIp": address.get("PublicIp"),
        "privateIp": address.get("PrivateIp"),
        "networkInterfaceId": address.get("NetworkInterfaceId"),
    }
    return CreateResult(
        id=gateway["NatGatewayId"],
        outputs={key: value for key, value in outputs.items() if value is not None},
    )


@handles("aws:ec2/vpcEndpoint:VpcEndpoint")
def _vpc_endpoint(request: CreateRequest) -> CreateResult:
    service = request.inputs.get("serviceName", "")
    renames = {"policy": "PolicyDocument"}
    parameters = request.tagged_parameters("create_vpc_endpoint", "vpc-endpoint", renames)
    endpoint = request.call("ec2", "create_vpc_endpoint", **parameters)["VpcEndpoint"]
    identity = endpoint["VpcEndpointId"]
    outputs: dict[str, Any] = {
        "arn": request.arn("ec2", f"vpc-endpoint/{identity}"),
        "state": endpoint.get("State", "available"),
        "ownerId": request.account,
        "networkInterfaceIds": endpoint.get("NetworkInterfaceIds", []),
    }
    if parameters.get("VpcEndpointType", "Gateway") == "Gateway":
        outputs["prefixListId"] = _prefix_list(request, service)
    return CreateResult(id=identity, outputs=outputs)


def _prefix_list(request: CreateRequest, service: str) -> str:
    """Return the ranges a gateway endpoint leads to: AWS's own list, named like the service."""
    lists = request.call(
        "ec2",
        "describe_managed_prefix_lists",
        Filters=[{"Name": "prefix-list-name", "Values": [service]}],
    )["PrefixLists"]
    return str(lists[0]["PrefixListId"]) if lists else ""


@handles("aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint")
def _instance_connect_endpoint(request: CreateRequest) -> CreateResult:
    operation = "create_instance_connect_endpoint"
    parameters = request.tagged_parameters(operation, "instance-connect-endpoint")
    request.api.check("ec2", operation, request.region, parameters)
    identity = f"eice-{request.suffix(17)}"
    return CreateResult(
        id=identity,
        outputs={"arn": request.arn("ec2", f"instance-connect-endpoint/{identity}")},
        unsupported="moto has no ec2 create_instance_connect_endpoint; its parameters were checked",
    )
