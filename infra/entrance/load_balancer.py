"""The entrance: an ALB whose HTTPS listener shares sessions out over two target groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from infra.config.sections import COLOURS, Colour, Settings

READINESS_PATH: Final = "/readyz?ignore=capacity"
"""The gateway answers 200 here when it can serve: the recogniser is ready and nothing drains.

Fullness is left out: were every machine full, none would be healthy, and the load balancer would
send sessions to those without a recogniser too.
"""

METRICS_PATH: Final = "/metrics"
"""Scraped on the machine; nobody outside has business there."""

MAX_DEREGISTRATION_SECONDS: Final = 3600
"""The longest a target group may wait for a leaving machine (ELB documentation)."""

DRAIN_MARGIN_SECONDS: Final = 30
"""Beyond the gateway's own drain, so that the gateway ends the last session and says why."""


@dataclass(frozen=True, kw_only=True)
class ColourTarget:
    """One colour as the entrance sees it.

    Attributes:
        gateway_port: Port of the gateway on its machines.
        weight: Its share of new sessions when the listener is first made, in percent.
    """

    gateway_port: int
    weight: int


@dataclass(frozen=True, kw_only=True)
class LoadBalancerArgs:
    """What the entrance is made from.

    Attributes:
        vpc_id: The VPC.
        subnet_ids: At least two, in different zones.
        security_group_id: The load balancer's group.
        certificate_arn: A certificate that is issued.
        colours: Both colours.
        port: Port of the HTTPS listener.
        http_redirect: Whether port 80 redirects there.
        internal: Whether it has no public address.
        tls_policy: ELB security policy.
        idle_timeout_seconds: Above twice the gateway's ping.
        drain_seconds: How long the gateway drains.
        deletion_protection: Whether AWS refuses to delete it.
        log_bucket: Bucket of the access log; None for none.
        direct_header: Header that reaches one colour whatever the weights are.
        direct_cidrs: Ranges from which it counts; empty for all.
        domain: Name to point here in `zone_id`.
        zone_id: Hosted zone; None where the name is kept elsewhere.
        disposable: Whether Pulumi may delete or replace what carries traffic.
    """

    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    certificate_arn: pulumi.Input[str]
    colours: Mapping[Colour, ColourTarget]
    port: int
    http_redirect: bool
    internal: bool
    tls_policy: str
    idle_timeout_seconds: int
    drain_seconds: int
    deletion_protection: bool
    log_bucket: pulumi.Input[str] | None
    direct_header: str
    direct_cidrs: Sequence[str]
    domain: str
    zone_id: str | None
    disposable: bool = False


class LoadBalancer(pulumi.ComponentResource):
    """ALB, listeners, target groups, the rule that reaches one colour alone, and the name.

    Attributes:
        arn: ARN of the load balancer.
        dns_name: Its own name.
        arn_suffix: How CloudWatch names it.
        listener_arn: ARN of the HTTPS listener, whose weights `perch canary` turns.
        target_group_arns: Colour -> ARN.
        target_group_suffixes: Colour -> how CloudWatch names it.
    """

    arn: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    arn_suffix: pulumi.Output[str]
    listener_arn: pulumi.Output[str]
    target_group_arns: Mapping[Colour, pulumi.Output[str]]
    target_group_suffixes: Mapping[Colour, pulumi.Output[str]]

    def __init__(
        self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        _check(args)
        super().__init__("perch:infra:LoadBalancer", name, None, opts)
        balancer = self._balancer(name, args)
        groups = {
            colour: self._target_group(f"{name}-{colour}", args, args.colours[colour])
            for colour in COLOURS
        }
        listener = self._listener(name, args, balancer, groups)
        self._hide_metrics(f"{name}-metrics", listener)
        self._direct(f"{name}-direct", args, listener, groups)
        if args.http_redirect:
            self._redirect(f"{name}-http", args, balancer)
        if args.zone_id is not None:
            self._publish(name, args, args.zone_id, balancer)
        self.arn = balancer.arn
        self.dns_name = balancer.dns_name
        self.arn_suffix = balancer.arn_suffix
        self.listener_arn = listener.arn
        self.target_group_arns = {colour: group.arn for colour, group in groups.items()}
        self.target_group_suffixes = {colour: group.arn_suffix for colour, group in groups.items()}
        self.register_outputs(
            {"arn": self.arn, "dns_name": self.dns_name, "listener_arn": self.listener_arn}
        )

    def _balancer(self, name: str, args: LoadBalancerArgs) -> aws.lb.LoadBalancer:
        return aws.lb.LoadBalancer(
            name,
            load_balancer_type="application",
            internal=args.internal,
            subnets=list(args.subnet_ids),
            security_groups=[args.security_group_id],
            idle_timeout=args.idle_timeout_seconds,
            enable_deletion_protection=args.deletion_protection,
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            access_logs=None
            if args.log_bucket is None
            else aws.lb.LoadBalancerAccessLogsArgs(
                bucket=args.log_bucket, prefix="alb", enabled=True
            ),
            tags={"Name": name},
            opts=pulumi.ResourceOptions(parent=self, protect=not args.disposable),
        )

    def _target_group(
        self, name: str, args: LoadBalancerArgs, target: ColourTarget
    ) -> aws.lb.TargetGroup:
        return aws.lb.TargetGroup(
            name,
            vpc_id=args.vpc_id,
            target_type="instance",
            port=target.gateway_port,
            # Encrypted anew. A load balancer looks at no certificate of a target (ADR 1302).
            protocol="HTTPS",
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                enabled=True,
                protocol="HTTPS",
                port="traffic-port",
                path=READINESS_PATH,
                matcher="200",
                interval=10,
                timeout=5,
                healthy_threshold=2,
                unhealthy_threshold=2,
            ),
            deregistration_delay=args.drain_seconds + DRAIN_MARGIN_SECONDS,
            # A session is one connection, so there is nothing to stick; said aloud because a
            # default could change.
            stickiness=aws.lb.TargetGroupStickinessArgs(enabled=False, type="lb_cookie"),
            # Sessions differ in length by orders of magnitude; taking turns would pile the long
            # ones up.
            load_balancing_algorithm_type="least_outstanding_requests",
            tags={"Name": name},
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=not args.disposable,
                # The listener keeps its weight on this one, whatever takes its place. Deleted
                # first, ELB refuses (ResourceInUse) while its machines are still in it.
                delete_before_replace=True,
            ),
        )

    def _listener(
        self,
        name: str,
        args: LoadBalancerArgs,
        balancer: aws.lb.LoadBalancer,
        groups: Mapping[Colour, aws.lb.TargetGroup],
    ) -> aws.lb.Listener:
        forward = aws.lb.ListenerDefaultActionForwardArgs(
            target_groups=[
                aws.lb.ListenerDefaultActionForwardTargetGroupArgs(
                    arn=groups[colour].arn, weight=args.colours[colour].weight
                )
                for colour in COLOURS
            ],
            stickiness=aws.lb.ListenerDefaultActionForwardStickinessArgs(enabled=False, duration=1),
        )
        return aws.lb.Listener(
            f"{name}-https",
            load_balancer_arn=balancer.arn,
            port=args.port,
            protocol="HTTPS",
            ssl_policy=args.tls_policy,
            certificate_arn=args.certificate_arn,
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="forward", forward=forward)],
            tags={"Name": f"{name}-https"},
            # The weights above are only how the listener begins. `perch canary` turns them
            # afterwards, and the next `pulumi up` must not turn them back during a release.
            opts=pulumi.ResourceOptions(
                parent=self, protect=not args.disposable, ignore_changes=["defaultActions"]
            ),
        )

    def _hide_metrics(self, name: str, listener: aws.lb.Listener) -> None:
        path = aws.lb.ListenerRuleConditionPathPatternArgs(values=[METRICS_PATH])
        answer = aws.lb.ListenerRuleActionFixedResponseArgs(
            content_type="text/plain", message_body="Not found", status_code="404"
        )
        aws.lb.ListenerRule(
            name,
            listener_arn=listener.arn,
            priority=1,
            conditions=[aws.lb.ListenerRuleConditionArgs(path_pattern=path)],
            actions=[aws.lb.ListenerRuleActionArgs(type="fixed-response", fixed_response=answer)],
            tags={"Name": name},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _direct(
        self,
        name: str,
        args: LoadBalancerArgs,
        listener: aws.lb.Listener,
        groups: Mapping[Colour, aws.lb.TargetGroup],
    ) -> None:
        for priority, (colour, group) in enumerate(groups.items(), start=2):
            header = aws.lb.ListenerRuleConditionHttpHeaderArgs(
                http_header_name=args.direct_header, values=[colour]
            )
            conditions = [aws.lb.ListenerRuleConditionArgs(http_header=header)]
            if args.direct_cidrs:
                source = aws.lb.ListenerRuleConditionSourceIpArgs(values=list(args.direct_cidrs))
                conditions.append(aws.lb.ListenerRuleConditionArgs(source_ip=source))
            aws.lb.ListenerRule(
                f"{name}-{colour}",
                listener_arn=listener.arn,
                priority=priority,
                conditions=conditions,
                actions=[aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=group.arn)],
                tags={"Name": f"{name}-{colour}"},
                opts=pulumi.ResourceOptions(parent=self),
            )

    def _redirect(self, name: str, args: LoadBalancerArgs, balancer: aws.lb.LoadBalancer) -> None:
        redirect = aws.lb.ListenerDefaultActionRedirectArgs(
            protocol="HTTPS", port=str(args.port), status_code="HTTP_301"
        )
        aws.lb.Listener(
            name,
            load_balancer_arn=balancer.arn,
            port=80,
            protocol="HTTP",
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="redirect", redirect=redirect)],
            tags={"Name": name},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _publish(
        self, name: str, args: LoadBalancerArgs, zone_id: str, balancer: aws.lb.LoadBalancer
    ) -> None:
        aws.route53.Record(
            f"{name}-name",
            zone_id=zone_id,
            name=args.domain,
            type="A",
            aliases=[
                aws.route53.RecordAliasArgs(
                    name=balancer.dns_name, zone_id=balancer.zone_id, evaluate_target_health=True
                )
            ],
            opts=pulumi.ResourceOptions(parent=self, protect=not args.disposable),
        )


def colour_targets(settings: Settings) -> dict[Colour, ColourTarget]:
    """Return both colours as the entrance sees them."""
    return {
        colour: ColourTarget(gateway_port=chosen.gateway_port, weight=chosen.weight)
        for colour, chosen in settings.colours()
    }


def _check(args: LoadBalancerArgs) -> None:
    if len(args.subnet_ids) < 2:  # noqa: PLR2004 - ELB refuses an application load balancer in one zone
        raise ValueError(
            f"subnet_ids has {len(args.subnet_ids)}; accepted: 2 or more, in different zones"
        )
    shares = [target.weight for target in args.colours.values()]
    if set(args.colours) != set(COLOURS) or sum(shares) != 100:  # noqa: PLR2004 - percent
        raise ValueError(
            f"colours has weights {shares}; accepted: {' and '.join(COLOURS)} with a sum of 100"
        )
    longest = MAX_DEREGISTRATION_SECONDS - DRAIN_MARGIN_SECONDS
    if not 0 <= args.drain_seconds <= longest:
        raise ValueError(f"drain_seconds is {args.drain_seconds}; accepted: 0 to {longest}")
