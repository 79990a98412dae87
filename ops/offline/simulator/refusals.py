"""What AWS refuses to delete because something else stands on it, and moto 5.2.5 deletes.

Each refusal has AWS's error code and the sense of its words. Sources: the API references of the
services (DeleteLoadBalancer, DeleteSecurityGroup, DeleteSubnet, DeleteVpc, DetachInternetGateway,
ReleaseAddress, DeleteAutoScalingGroup, DeleteCertificate, DeletePolicy, DeleteServiceLinkedRole,
DeleteWebACL) and, for alarms, the error that hashicorp/terraform-provider-aws issue 34807 quotes.
`tests/ops/offline/simulator/test_refusals.py` makes each of them.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from moto.acm.exceptions import AWSError
from moto.acm.models import AWSCertificateManagerBackend
from moto.autoscaling.exceptions import AutoscalingClientError
from moto.autoscaling.models import AutoScalingBackend, autoscaling_backends
from moto.autoscaling.responses import AutoScalingResponse
from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend
from moto.core.responses import ActionResult
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models import EC2Backend
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend, elbv2_backends
from moto.iam.exceptions import DeleteConflictException
from moto.iam.models import IAMBackend
from moto.iam.responses import IamResponse
from moto.wafv2.exceptions import WAFv2ClientError
from moto.wafv2.models import WAFV2Backend

_ENDED = "terminated"


def install() -> None:
    """Change moto in this process; call it once."""
    _before(ELBv2Backend, "delete_load_balancer", _protected_balancer)
    _before(EC2Backend, "delete_security_group", _used_security_group)
    _before(EC2Backend, "delete_subnet", _used_subnet)
    _before(EC2Backend, "delete_vpc", _used_vpc)
    _before(EC2Backend, "detach_internet_gateway", _mapped_addresses)
    _before(EC2Backend, "release_address", _used_address)
    _before(AutoScalingResponse, "delete_auto_scaling_group", _group_with_machines)
    _before(AWSCertificateManagerBackend, "delete_certificate", _used_certificate)
    _before(CloudWatchBackend, "delete_alarms", _watched_alarm)
    _before(IAMBackend, "delete_policy", _attached_policy)
    _before(WAFV2Backend, "delete_web_acl", _associated_web_acl)
    EC2Backend.delete_nat_gateway = _delete_nat_gateway(EC2Backend.delete_nat_gateway)
    IamResponse.delete_service_linked_role = _delete_service_linked_role(
        IamResponse.delete_service_linked_role
    )
    IamResponse.get_service_linked_role_deletion_status = _deletion_status


def _before(owner: type, method: str, check: Callable[..., None]) -> None:
    """Have a method ask first; the check raises what AWS would answer."""
    original = getattr(owner, method)

    def asked(self: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - moto is untyped here
        check(self, *arguments, **named)
        return original(self, *arguments, **named)

    setattr(owner, method, asked)


def _protected_balancer(backend: Any, arn: str) -> None:  # noqa: ANN401 - moto is untyped here
    balancer = backend.load_balancers.get(arn)
    if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
        raise ELBClientError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )


def _machines(backend: Any) -> Iterator[Any]:  # noqa: ANN401 - moto is untyped here
    return (
        machine
        for machine in backend.all_instances()
        if machine._state.name != _ENDED  # noqa: SLF001 - moto has no other name for it
    )


def _interfaces(backend: Any) -> Iterator[Any]:  # noqa: ANN401 - moto is untyped here
    """Return the network interfaces of what is there; moto keeps those of ended machines."""
    ended = {
        machine.id
        for machine in backend.all_instances()
        if machine._state.name == _ENDED  # noqa: SLF001 - moto has no other name for it
    }
    return (
        interface
        for interface in backend.enis.values()
        if interface.instance is None or interface.instance.id not in ended
    )


def _balancers(backend: Any) -> Iterator[Any]:  # noqa: ANN401 - moto is untyped here
    owner = elbv2_backends[backend.account_id][backend.region_name]
    return iter(owner.load_balancers.values())


def _refuse(used_by: object, message: str) -> None:
    if used_by:
        raise DependencyViolationError(message)


def _used_security_group(
    backend: Any,  # noqa: ANN401 - moto is untyped here
    name: str | None = None,
    group_id: str | None = None,
) -> None:
    group = backend.get_security_group_by_name_or_id(group_id or name)
    if group is None:
        return
    others = [
        other
        for groups in backend.groups.values()
        for other in groups.values()
        if other.id != group.id
    ]
    rules = [rule for other in others for rule in (*other.ingress_rules, *other.egress_rules)]
    users = (
        *(rule.id for rule in rules if (rule.source_group or {}).get("GroupId") == group.id),
        *(
            interface.id
            for interface in _interfaces(backend)
            if any(member.id == group.id for member in interface.group_set)
        ),
        *(item.arn for item in _balancers(backend) if group.id in (item.security_groups or ())),
        *(
            item.id
            for item in backend.vpc_end_points.values()
            if item.state != "deleted" and group.id in item.security_group_ids
        ),
    )
    _refuse(users, f"resource {group.id} has a dependent object")


def _used_subnet(backend: Any, subnet_id: str) -> None:  # noqa: ANN401 - moto is untyped here
    users = (
        *(item.id for item in _interfaces(backend) if item.subnet.id == subnet_id),
        *(item.id for item in _machines(backend) if item.subnet_id == subnet_id),
        *(
            item.arn
            for item in _balancers(backend)
            if any(subnet.id == subnet_id for subnet in item.subnets)
        ),
    )
    _refuse(users, f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")


def _used_vpc(backend: Any, vpc_id: str) -> None:  # noqa: ANN401 - moto is untyped here
    users = (
        *(
            gateway.id
            for gateway in backend.internet_gateways.values()
            if gateway.vpc and gateway.vpc.id == vpc_id
        ),
        *(
            endpoint.id
            for endpoint in backend.vpc_end_points.values()
            if endpoint.vpc_id == vpc_id and endpoint.state != "deleted"
        ),
        *(group.id for group in backend.groups.get(vpc_id, {}).values() if not group.is_default),
    )
    _refuse(users, f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")


def _living_nat_gateways(backend: Any) -> Iterator[Any]:  # noqa: ANN401 - moto is untyped here
    return (item for item in backend.nat_gateways.values() if item.state != "deleted")


def _mapped_addresses(backend: Any, internet_gateway_id: str, vpc_id: str) -> None:  # noqa: ANN401 - moto is untyped here
    users = (
        *(
            gateway.id
            for gateway in _living_nat_gateways(backend)
            if gateway.vpc_id == vpc_id and gateway.connectivity_type != "private"
        ),
        *(
            balancer.arn
            for balancer in _balancers(backend)
            if balancer.vpc_id == vpc_id and balancer.scheme != "internal"
        ),
    )
    _refuse(
        users,
        f"Network {vpc_id} has some mapped public address(es). Please unmap those public"
        f" address(es) before detaching the gateway {internet_gateway_id}.",
    )


def _used_address(
    backend: Any,  # noqa: ANN401 - moto is untyped here
    address: str | None = None,
    allocation_id: str | None = None,
) -> None:
    for gateway in _living_nat_gateways(backend):
        for mapped in gateway.address_set:
            if mapped.get("allocationId") == allocation_id or mapped.get("publicIp") == address:
                raise EC2ClientError(
                    "InvalidIPAddress.InUse", f"Address {mapped.get('publicIp')} is in use."
                )


def _delete_nat_gateway(original: Callable[..., Any]) -> Callable[..., Any]:
    """Take the interface and the address's mapping away too, which moto leaves behind."""

    def delete_nat_gateway(self: Any, nat_gateway_id: str) -> Any:  # noqa: ANN401 - moto is untyped here
        gateway = original(self, nat_gateway_id)
        interface = gateway._eni  # noqa: SLF001 - moto has no other name for it
        for address in self.addresses:
            if address.eni is interface:
                self.disassociate_address(address=address.public_ip)
        self.enis.pop(interface.id, None)
        return gateway

    return delete_nat_gateway


def _group_with_machines(response: Any) -> None:  # noqa: ANN401 - moto is untyped here
    name = response._get_param("AutoScalingGroupName")  # noqa: SLF001 - how moto's responses read
    group = response.autoscaling_backend.autoscaling_groups.get(name)
    forced = response._get_bool_param("ForceDelete", False)  # noqa: SLF001 - as above
    if group and group.instance_states and not forced:
        raise AutoscalingClientError(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot"
            " instance request(s) still in the group.",
        )
    for machine in group.instance_states if group else ():
        # Force ends them all; moto would leave those running that are protected.
        machine.protected_from_scale_in = False


def _used_certificate(backend: Any, arn: str) -> None:  # noqa: ANN401 - moto is untyped here
    owner = elbv2_backends[backend.account_id][backend.region_name]
    if any(
        arn in listener.certificates
        for balancer in owner.load_balancers.values()
        for listener in balancer.listeners.values()
    ):
        raise AWSError(
            f"Certificate {arn} in account {backend.account_id} is in use.",
            "ResourceInUseException",
        )


def _watched_alarm(backend: Any, alarm_names: list[str]) -> None:  # noqa: ANN401 - moto is untyped here
    rules = [
        alarm.rule
        for name, alarm in backend.alarms.items()
        if alarm.rule and name not in alarm_names
    ]
    for name in alarm_names:
        arn = getattr(backend.alarms.get(name), "arn", name)
        if any(f'("{word}")' in rule for rule in rules for word in (name, arn)):
            raise ValidationError(
                f"Cannot delete {name} as there are composite alarm(s) depending on it."
            )


def _attached_policy(backend: Any, policy_arn: str) -> None:  # noqa: ANN401 - moto is untyped here
    policy = backend.managed_policies.get(policy_arn)
    if policy and policy.attachment_count:
        raise DeleteConflictException("Cannot delete a policy attached to entities.")
    if policy and len(policy.versions) > 1:
        raise DeleteConflictException(
            "This policy has more than one version. Before you delete a policy, you must delete the"
            " policy's versions. The default version is deleted with the policy."
        )


def _delete_service_linked_role(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let the task fail while a group works by the role; AWS says so later, not at once."""

    def delete_service_linked_role(self: Any) -> Any:  # noqa: ANN401 - moto is untyped here
        name = self._get_param("RoleName")
        arn = self.backend.get_role(name).arn
        users = [
            group.name
            for regional in autoscaling_backends[self.current_account].values()
            for group in _groups(regional)
            if group.service_linked_role_arn == arn
        ]
        if not users:
            return original(self)
        task = f"task/{name}/{uuid.uuid4()}"
        failed = self.backend.__dict__.setdefault("perch_failed_deletions", {})
        failed[task] = f"Auto Scaling groups use the role: {', '.join(users)}"
        return ActionResult({"DeletionTaskId": task})

    return delete_service_linked_role


def _groups(regional: AutoScalingBackend) -> Iterator[Any]:
    return iter(regional.autoscaling_groups.values())


def _deletion_status(self: Any) -> ActionResult:  # noqa: ANN401 - moto is untyped here
    """Say how a deletion went; moto's always succeed."""
    task = self._get_param("DeletionTaskId")
    reason = self.backend.__dict__.get("perch_failed_deletions", {}).get(task)
    if reason is None:
        return ActionResult({"Status": "SUCCEEDED"})
    return ActionResult({"Status": "FAILED", "Reason": {"Reason": reason}})


def _associated_web_acl(
    backend: Any,  # noqa: ANN401 - moto is untyped here
    name: str,
    scope: str,
    _id: str,
    lock_token: str,  # noqa: ARG001 - as the method that it precedes
) -> None:
    for acl in backend.wacls.values():
        if acl.id == _id and acl.name == name and acl.associated_resources:
            raise WAFv2ClientError(
                "WAFAssociatedItemException",
                "AWS WAF couldn't perform the operation because your resource is being used by"
                f" another resource or it's associated with another resource ({scope}).",
            )
