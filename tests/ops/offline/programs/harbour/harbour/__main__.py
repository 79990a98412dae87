"""A network, a secret and a weighted listener: enough to meet every rule of an offline run."""

import pulumi
import pulumi_aws as aws

from harbour.basin import Basin, BasinArgs  # type: ignore[import-not-found]  # found when run

config = pulumi.Config()
weights = config.require_object("weights")
ports = config.require_object("ports")

tagged = aws.Provider(
    "tagged",
    region=aws.config.region,
    default_tags={"tags": {"project": pulumi.get_project(), "stack": pulumi.get_stack()}},
)
everywhere = pulumi.ResourceOptions(provider=tagged)

basin = Basin("basin", BasinArgs(cidr_block="10.20.0.0/16"), everywhere)

key = aws.kms.Key(
    "key", description="Seals what the harbour keeps", enable_key_rotation=True, opts=everywhere
)
secret = aws.secretsmanager.Secret(
    "secret", description="The harbour master's password", kms_key_id=key.arn, opts=everywhere
)
aws.secretsmanager.SecretVersion(
    "secret-value",
    secret_id=secret.id,
    secret_string=config.require_secret("password"),
    opts=pulumi.ResourceOptions(provider=tagged, protect=True),
)

pulumi.export("vpc_id", basin.vpc.id)
pulumi.export("subnet_ids", [subnet.id for subnet in basin.subnets])
pulumi.export("secret_arn", secret.arn)
pulumi.export("password", config.require_secret("password"))
pulumi.export("opens", config.require("opens"))
pulumi.export("watch", config.require("watch"))
pulumi.export("gateway_port", ports["gateway"])
pulumi.export("weights", weights)
