"""One screen for one environment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from infra.boot.settings import METRICS_NAMESPACE
from infra.catalogue.objectives import OBJECTIVES, Objective
from infra.config.sections import COLOURS, Colour
from infra.observability.alarm_table import bad_percent

_COLUMNS: Final = 24
_WIDTH: Final = 8
_HEIGHT: Final = 6


@dataclass(frozen=True, kw_only=True)
class DashboardArgs:
    """What is shown.

    Attributes:
        region: AWS region.
        environment: The stack's name.
        balancer_suffix: How CloudWatch names the load balancer.
        target_group_suffixes: Colour -> how CloudWatch names its target group.
        auto_scaling_group_names: Colour -> its group.
    """

    region: str
    environment: str
    balancer_suffix: pulumi.Input[str]
    target_group_suffixes: Mapping[Colour, pulumi.Input[str]]
    auto_scaling_group_names: Mapping[Colour, pulumi.Input[str]]


class Dashboard(pulumi.ComponentResource):
    """A CloudWatch dashboard.

    Attributes:
        dashboard_name: Its name.
    """

    dashboard_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: DashboardArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        for field in ("target_group_suffixes", "auto_scaling_group_names"):
            given: Mapping[Colour, object] = getattr(args, field)
            if set(given) != set(COLOURS):
                raise ValueError(f"{field} has {sorted(given)}; accepted: {' and '.join(COLOURS)}")
        super().__init__("perch:infra:Dashboard", name, None, opts)
        body = pulumi.Output.all(
            balancer=args.balancer_suffix,
            targets=[args.target_group_suffixes[colour] for colour in COLOURS],
            groups=[args.auto_scaling_group_names[colour] for colour in COLOURS],
        ).apply(
            lambda known: json.dumps(
                screen(
                    args.region,
                    args.environment,
                    known["balancer"],
                    dict(zip(COLOURS, known["targets"], strict=True)),
                    dict(zip(COLOURS, known["groups"], strict=True)),
                )
            )
        )
        made = aws.cloudwatch.Dashboard(
            name,
            # Dashboards are the account's: another region's would be overwritten.
            dashboard_name=f"{name}-{args.region}",
            dashboard_body=body,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.dashboard_name = made.dashboard_name
        self.register_outputs({"dashboard_name": made.dashboard_name})


@dataclass(frozen=True, slots=True)
class _Graph:
    title: str
    unit: str
    statistic: str
    metrics: list[list[object]]


def screen(
    region: str,
    environment: str,
    balancer: str,
    targets: Mapping[Colour, str],
    groups: Mapping[Colour, str],
) -> dict[str, object]:
    """Return the dashboard's body: what users feel first, what the machines feel below.

    Args:
        region: AWS region.
        environment: The stack's name.
        balancer: How CloudWatch names the load balancer.
        targets: Colour -> how CloudWatch names its target group.
        groups: Colour -> auto scaling group.
    """

    def by_target(metric: str) -> list[list[object]]:
        return [
            [
                "AWS/ApplicationELB",
                metric,
                "TargetGroup",
                suffix,
                "LoadBalancer",
                balancer,
                {"label": colour},
            ]
            for colour, suffix in targets.items()
        ]

    def by_group(metric: str, namespace: str = METRICS_NAMESPACE) -> list[list[object]]:
        return [
            [namespace, metric, "AutoScalingGroupName", group, {"label": colour}]
            for colour, group in groups.items()
        ]

    def by_colour(metric: str) -> list[list[object]]:
        return [
            [
                METRICS_NAMESPACE,
                metric,
                "Environment",
                environment,
                "Colour",
                colour,
                {"label": colour},
            ]
            for colour in groups
        ]

    def burnt(objective: Objective) -> list[list[object]]:
        rows: list[list[object]] = []
        for colour, group in groups.items():
            series, expression = bad_percent(objective, colour)
            rows += [
                [
                    METRICS_NAMESPACE,
                    one.cloudwatch,
                    "AutoScalingGroupName",
                    group,
                    {"id": key, "visible": False},
                ]
                for key, one in series.items()
            ]
            rows.append([{"expression": expression, "label": colour}])
        return rows

    graphs = [
        *(
            _Graph(
                f"Not so: {one.title.lower()}",
                f"percent, {100 * one.budget:g} may be",
                "Sum",
                burnt(one),
            )
            for one in OBJECTIVES
        ),
        _Graph("Sessions per machine", "sessions", "Average", by_group("ActiveSessions")),
        _Graph("New connections", "requests a minute", "Sum", by_target("RequestCount")),
        _Graph("Gateway errors", "5xx a minute", "Sum", by_target("HTTPCode_Target_5XX_Count")),
        _Graph(
            "Machines in service",
            "machines",
            "Minimum",
            by_group("GroupInServiceInstances", "AWS/AutoScaling"),
        ),
        _Graph("Unhealthy machines", "machines", "Maximum", by_target("UnHealthyHostCount")),
        _Graph("GPU", "percent busy", "Average", by_group("GpuUtilization")),
        _Graph("GPU memory", "MB used", "Maximum", by_group("GpuMemoryUsed")),
        _Graph("Disk", "GB free", "Minimum", by_group("DiskFree")),
        _Graph("Failed boots", "boots", "Sum", by_colour("BootFailures")),
        _Graph("Session slots per machine", "slots", "Average", by_group("SessionSlots")),
        _Graph("GPU temperature", "degrees", "Maximum", by_group("GpuTemperature")),
    ]
    return {"widgets": [_widget(place, graph, region) for place, graph in enumerate(graphs)]}


def _widget(place: int, graph: _Graph, region: str) -> dict[str, object]:
    in_a_row = _COLUMNS // _WIDTH
    return {
        "type": "metric",
        "x": place % in_a_row * _WIDTH,
        "y": place // in_a_row * _HEIGHT,
        "width": _WIDTH,
        "height": _HEIGHT,
        "properties": {
            "title": graph.title,
            "region": region,
            "view": "timeSeries",
            "stat": graph.statistic,
            "period": 60,
            "metrics": graph.metrics,
            "yAxis": {"left": {"min": 0, "label": graph.unit, "showUnits": False}},
        },
    }
