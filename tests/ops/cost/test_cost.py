"""What a month costs, from resources written down here, to the cent.

The figures are worked out by hand from the committed table. Nothing here shows that AWS still asks
these prices, nor what its bill adds: taxes, traffic, requests. tests/infra/test_deploy_page.py
prices whole stacks.
"""

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from infra.boot.agent import log_agent_config
from infra.boot.environment import GATEWAY_SERIES
from infra.boot.host import exporter
from ops.cost import Estimate, Line, difference, estimate
from ops.cost.prices import Prices, load
from ops.cost.rules import (
    BY_USE,
    COLOUR_METRICS,
    FREE,
    GROUP,
    MACHINE_METRICS,
    PRICED,
    SCHEDULE,
    TEMPLATE,
)
from tests.support.boot_settings import boot_settings

PROVIDER = "urn:pulumi:test::perch::pulumi:providers:aws::perch"


def resource(kind: str, name: str, inputs: Mapping[str, Any], **more: object) -> dict[str, Any]:
    """One resource as a recording writes it."""
    return {
        "urn": f"urn:pulumi:test::perch::{kind}::{name}",
        "type": kind,
        "name": name,
        "inputs": inputs,
        "provider": PROVIDER,
        "propertyDependencies": {},
        **more,
    }


def provider(region: str) -> dict[str, Any]:
    made = resource("pulumi:providers:aws", "perch", {"region": region}, provider="")
    return {**made, "urn": PROVIDER}


def machines(
    *,
    least: int = 1,
    desired: int = 1,
    most: int = 4,
    kind: str = "g6.xlarge",
    on_demand: int = 100,
) -> list[dict[str, Any]]:
    """A group with its launch template: gp3 of 200 GiB, 6000 IOPS, 500 MiB/s."""
    volume = {"volumeType": "gp3", "volumeSize": 200, "iops": 6000, "throughput": 500}
    template = resource(
        TEMPLATE, "blue", {"blockDeviceMappings": [{"deviceName": "/dev/sda1", "ebs": volume}]}
    )
    policy = {
        "launchTemplate": {"overrides": [{"instanceType": kind}, {"instanceType": "g6.2xlarge"}]},
        "instancesDistribution": {"onDemandPercentageAboveBaseCapacity": on_demand},
    }
    group = resource(
        GROUP,
        "blue",
        {
            "minSize": least,
            "desiredCapacity": desired,
            "maxSize": most,
            "mixedInstancesPolicy": policy,
        },
        propertyDependencies={"mixedInstancesPolicy": [template["urn"]]},
    )
    return [template, group]


def schedule(name: str, recurrence: str, capacity: int) -> dict[str, Any]:
    return resource(
        SCHEDULE,
        name,
        {"recurrence": recurrence, "desiredCapacity": capacity},
        propertyDependencies={"autoscalingGroupName": [f"urn:pulumi:test::perch::{GROUP}::blue"]},
    )


def priced(
    *resources: dict[str, Any], region: str = "us-east-2", at_most: bool = False
) -> Estimate:
    return estimate([provider(region), *resources], at_most=at_most)


def items(found: Estimate) -> dict[str, str]:
    return {line.what: str(line.monthly_usd) for line in found.lines}


def test_a_machine_that_always_runs_costs_its_hours_and_its_volume() -> None:
    found = priced(*machines())
    assert items(found) == {
        "machines g6.xlarge": "587.50",  # 730 x 0.8048
        "volumes gp3, GiB": "16.00",  # 200 x 0.08
        "volumes gp3, IOPS": "15.00",  # (6000 - 3000) x 0.005
        "volumes gp3, MiB/s": "15.00",  # (500 - 125) x 0.04
        "custom metrics": "11.40",  # (36 + 2) x 0.30
    }
    assert found.monthly_usd == Decimal("644.90")
    assert found.not_priced == ()


def test_a_group_starts_with_its_desired_number_but_never_below_its_fewest() -> None:
    assert items(priced(*machines(least=0, desired=2)))["machines g6.xlarge"] == "1175.01"
    assert items(priced(*machines(least=3, desired=0)))["machines g6.xlarge"] == "1762.51"


def test_at_most_counts_every_machine_the_group_may_have() -> None:
    assert items(priced(*machines(most=4), at_most=True))["machines g6.xlarge"] == "2350.02"


def test_machines_in_office_hours_cost_those_hours() -> None:
    office = [schedule("start", "0 8 * * MON-FRI", 1), schedule("stop", "0 19 * * MON-FRI", 0)]
    found = priced(*machines(least=0), *office)
    # 55 of 168 hours, of 730 a month: 238.988.
    assert items(found) == {
        "machines g6.xlarge": "192.34",
        "volumes gp3, GiB": "5.24",
        "volumes gp3, IOPS": "4.91",
        "volumes gp3, MiB/s": "4.91",
        "custom metrics": "3.73",
    }


def test_a_colours_metrics_are_paid_for_once_and_those_of_its_machines_each() -> None:
    found = items(priced(*machines(desired=3)))
    assert found["custom metrics"] == "12.60"  # (36 + 3 x 2) x 0.30
    assert "custom metrics" not in items(priced(*machines(least=0, desired=0)))


def test_the_metrics_that_are_priced_are_those_that_a_machine_sends() -> None:
    """By group, and by environment and colour: each name is a metric in each of the two."""
    sample = exporter.Sample(
        taken_at=1.0,
        gpus=(
            exporter.Gpu(
                labels=dict.fromkeys(exporter.LABELS, "0"),
                values=dict.fromkeys((one.column for one in exporter.READINGS), 1.0),
            ),
        ),
        disk_free=1,
        series={pair.rsplit("=", 1)[1]: 1.0 for pair in GATEWAY_SERIES.split()},
    )
    keys = ("ASG", "ENVIRONMENT", "COLOUR", "NAMESPACE", "METRICS_LOG_GROUP")
    sent = json.loads(
        exporter.embedded_metrics(sample, {f"PERCH_{key}": "x" for key in keys}, last=sample.series)
    )
    [directive] = sent["_aws"]["CloudWatchMetrics"]
    assert len(directive["Metrics"]) * len(directive["Dimensions"]) == COLOUR_METRICS
    agent = json.loads(log_agent_config(boot_settings()))["metrics"]["metrics_collected"]
    assert sum(len(one["measurement"]) for one in agent.values()) == MACHINE_METRICS


def test_a_group_without_a_machine_costs_nothing_and_has_no_volumes() -> None:
    found = priced(*machines(least=0, desired=0))
    assert items(found) == {"machines g6.xlarge": "0.00"}
    assert found.monthly_usd == 0


def test_an_entrance_costs_itself_and_an_address_a_zone() -> None:
    outside = resource("aws:lb/loadBalancer:LoadBalancer", "lb", {"subnets": ["a", "b", "c"]})
    assert items(priced(outside)) == {"load balancer": "16.43", "public addresses": "10.95"}
    inside = resource(
        "aws:lb/loadBalancer:LoadBalancer", "lb", {"internal": True, "subnets": ["a"]}
    )
    assert items(priced(inside)) == {"load balancer": "16.43"}


def test_ways_out_and_ways_inside_cost_by_the_hour() -> None:
    endpoint = "aws:ec2/vpcEndpoint:VpcEndpoint"
    assert items(
        priced(
            resource("aws:ec2/natGateway:NatGateway", "nat", {}),
            resource("aws:ec2/eip:Eip", "nat", {}),
            resource(endpoint, "ssm", {"vpcEndpointType": "Interface", "subnetIds": ["a", "b"]}),
            resource(endpoint, "s3", {"vpcEndpointType": "Gateway"}),
        )
    ) == {
        "NAT gateway": "32.85",
        "public address": "3.65",
        "interface endpoint, zones": "14.60",
    }


def test_keys_secrets_and_what_watches_cost_by_the_month() -> None:
    metric, result = {"id": "a", "metric": {}}, {"id": "r", "expression": "a"}
    found = priced(
        resource("aws:kms/key:Key", "data", {}),
        resource("aws:secretsmanager/secret:Secret", "ngc", {}),
        resource("aws:cloudwatch/metricAlarm:MetricAlarm", "one", {"metricName": "x"}),
        resource(
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            "ratio",
            {"metricQueries": [metric, {**metric, "id": "b"}, result]},
        ),
        resource("aws:cloudwatch/compositeAlarm:CompositeAlarm", "any", {}),
        resource("aws:cloudwatch/dashboard:Dashboard", "all", {}),
        resource("aws:wafv2/webAcl:WebAcl", "acl", {"rules": [{}, {}, {}, {}]}),
    )
    assert [str(line.monthly_usd) for line in found.lines] == [
        "1.00", "0.40", "0.10", "0.20", "0.50", "3.00", "5.00", "4.00",
    ]  # fmt: skip


def test_a_region_without_prices_gets_none_instead_of_another_regions() -> None:
    found = priced(*machines(), region="eu-central-1")
    assert found.monthly_usd is None
    assert {line.monthly_usd for line in found.lines} == {None}
    assert "blue: no price of machines g6.xlarge in eu-central-1" in found.not_priced


def test_a_machine_that_the_table_lacks_leaves_a_lower_bound_and_says_so() -> None:
    found = priced(*machines(kind="g7.xlarge"))
    assert found.not_priced == ("blue: no price of machines g7.xlarge in us-east-2",)
    assert found.monthly_usd == Decimal("57.40")


def test_a_machine_known_in_one_region_alone_is_priced_there_alone() -> None:
    assert items(priced(*machines(kind="p5.48xlarge"), region="us-east-1"))[
        "machines p5.48xlarge"
    ] == ("40179.20")
    assert priced(*machines(kind="p5.48xlarge")).not_priced


def test_spot_machines_have_no_price_that_a_table_could_hold() -> None:
    found = priced(*machines(on_demand=50))
    assert found.not_priced == (
        "blue: no price of machines whose price moves, or of an unknown type in us-east-2",
    )


def test_a_schedule_that_is_not_weekly_leaves_the_hours_unknown() -> None:
    found = priced(*machines(least=0), schedule("start", "0 8 1 * *", 1))
    assert "blue: how much of machines g6.xlarge is not known" in found.not_priced
    assert found.monthly_usd is None


def test_a_volume_of_another_kind_is_not_priced() -> None:
    template, group = machines()
    template["inputs"]["blockDeviceMappings"][0]["ebs"] = {"volumeType": "io2", "volumeSize": 200}
    found = priced(template, group)
    assert found.not_priced == ("blue: how much of volumes io2 is not known",)


def test_a_type_without_a_rule_is_named() -> None:
    found = priced(resource("aws:rds/instance:Instance", "db", {}))
    assert found.not_priced == ("db: no rule for the type aws:rds/instance:Instance",)
    assert found.monthly_usd is None


def test_what_exists_already_and_what_is_not_of_aws_costs_nothing_here() -> None:
    found = priced(
        resource("aws:kms/key:Key", "theirs", {}, read=True),
        resource("perch:infra:Network", "network", {}),
    )
    assert found.lines == ()
    assert found.monthly_usd == 0


def test_what_depends_on_use_is_named_and_only_where_it_is_there() -> None:
    gateway = resource("aws:ec2/vpcEndpoint:VpcEndpoint", "s3", {"vpcEndpointType": "Gateway"})
    bucket = resource("aws:s3/bucket:Bucket", "models", {})
    assert priced(gateway, bucket).not_included == ("objects in buckets and requests to them",)


def test_a_resource_without_a_provider_of_its_own_is_in_the_default_region() -> None:
    alone = resource("aws:kms/key:Key", "data", {}, provider="")
    assert estimate([alone]).monthly_usd == Decimal("1.00")


def test_nothing_costs_nothing() -> None:
    assert estimate([]).monthly_usd == 0


def test_a_difference_names_the_items_that_differ() -> None:
    nat = resource("aws:ec2/natGateway:NatGateway", "nat", {})
    before = priced(*machines(), nat)
    after = priced(*machines(desired=2), resource("aws:kms/key:Key", "data", {}))
    step = difference(before, after)
    assert step.monthly_usd == Decimal("602.26")  # 587.51 + 46.00 + 0.60 + 1.00 - 32.85
    assert [(one.resource, one.what, one.before_usd, one.after_usd) for one in step.lines] == [
        ("blue", "custom metrics", Decimal("11.40"), Decimal("12.00")),
        ("blue", "machines g6.xlarge", Decimal("587.50"), Decimal("1175.01")),
        ("blue", "volumes gp3, GiB", Decimal("16.00"), Decimal("32.00")),
        ("blue", "volumes gp3, IOPS", Decimal("15.00"), Decimal("30.00")),
        ("blue", "volumes gp3, MiB/s", Decimal("15.00"), Decimal("30.00")),
        ("data", "KMS key", None, Decimal("1.00")),
        ("nat", "NAT gateway", Decimal("32.85"), None),
    ]


def test_a_difference_with_an_unknown_side_is_unknown() -> None:
    step = difference(priced(*machines(), region="eu-central-1"), priced(*machines()))
    assert step.monthly_usd is None
    assert step.after_usd == Decimal("644.90")
    assert step.not_priced


def test_a_difference_of_the_same_is_nothing() -> None:
    step = difference(priced(*machines()), priced(*machines()))
    assert step.monthly_usd == 0
    assert step.lines == ()


def test_every_price_is_above_nothing_and_dated() -> None:
    table = load()
    every = [table.machines, table.hour, table.month, *table.machines_of_one_region.values()]
    prices = [price for found in every for price in found.values()]
    assert {type(price) for price in prices} == {Decimal}
    assert min(prices) > 0
    assert table.as_of == min(table.machines_as_of, table.rest_as_of)
    assert table.as_of > dt.date(2026, 1, 1)


def test_a_larger_machine_of_a_family_is_never_cheaper() -> None:
    sizes = ["xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge"]
    for family in ("g4dn", "g5", "g6", "g6e"):
        prices = [load().machines[f"{family}.{size}"] for size in sizes]
        assert prices == sorted(prices)


def test_another_table_can_be_used() -> None:
    twice: Prices = dataclasses.replace(
        load(), month={key: 2 * price for key, price in load().month.items()}
    )
    key = resource("aws:kms/key:Key", "data", {})
    assert estimate([provider("us-east-2"), key], prices=twice).monthly_usd == Decimal("2.00")


def test_no_type_is_both_free_and_priced() -> None:
    assert not FREE & (PRICED.keys() | BY_USE.keys())


def test_a_line_rounds_to_cents_half_up() -> None:
    line = Line(
        resource="lb",
        type="aws:lb/loadBalancer:LoadBalancer",
        what="load balancer",
        quantity=Decimal(730),
        unit="hour",
        unit_usd=Decimal("0.0225"),
    )
    assert line.monthly_usd == Decimal("16.43")
