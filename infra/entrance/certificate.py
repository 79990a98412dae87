"""The certificate of the endpoint: requested and proved by DNS, or one that ACM holds already."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

_Option = aws.acm.outputs.CertificateDomainValidationOption


@dataclass(frozen=True, kw_only=True)
class CertificateArgs:
    """What the certificate says.

    Attributes:
        domain: Host name of the endpoint.
        alternative_names: Further host names.
        zone_id: Hosted zone for the proof; None where a person writes the records elsewhere.
        existing_arn: A certificate to use as it is; none is then requested.
    """

    domain: str
    alternative_names: Sequence[str] = ()
    zone_id: str | None = None
    existing_arn: str | None = None


class Certificate(pulumi.ComponentResource):
    """An ACM certificate that is valid by the time its ARN is known.

    Attributes:
        arn: ARN of the issued certificate.
    """

    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        names = [args.domain, *args.alternative_names]
        if len(set(names)) < len(names):
            raise ValueError(
                f"alternative_names is {args.alternative_names};"
                " accepted: names that differ from each other and from domain"
            )
        super().__init__("perch:infra:Certificate", name, None, opts)
        if args.existing_arn is not None:
            self.arn = pulumi.Output.from_input(args.existing_arn)
        else:
            self.arn = self._request(name, args, names)
        self.register_outputs({"arn": self.arn})

    def _request(
        self, name: str, args: CertificateArgs, names: Sequence[str]
    ) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        certificate = aws.acm.Certificate(
            name,
            domain_name=args.domain,
            # ACM lists the domain itself here; an empty list would differ from that for ever.
            subject_alternative_names=list(args.alternative_names) or None,
            validation_method="DNS",
            key_algorithm="EC_prime256v1",
            options=aws.acm.CertificateOptionsArgs(
                certificate_transparency_logging_preference="ENABLED"
            ),
            tags={"Name": name},
            opts=child,
        )
        records = [
            self._proof(
                f"{name}-proof-{place}", certificate.domain_validation_options, domain, zone_id
            )
            for zone_id in ([] if args.zone_id is None else [args.zone_id])
            for place, domain in enumerate(names)
        ]
        validation = aws.acm.CertificateValidation(
            name,
            certificate_arn=certificate.arn,
            # Without a zone of ours this waits until somebody has written the records where the
            # name is kept.
            validation_record_fqdns=[record.fqdn for record in records] or None,
            opts=child,
        )
        return validation.certificate_arn

    def _proof(
        self, name: str, options: pulumi.Output[Sequence[_Option]], domain: str, zone_id: str
    ) -> aws.route53.Record:
        proof = options.apply(lambda found: _proof_of(domain, found))
        return aws.route53.Record(
            name,
            zone_id=zone_id,
            name=proof["name"],
            type=proof["type"],
            records=[proof["value"]],
            ttl=300,
            # Two names of one certificate may need the same record.
            allow_overwrite=True,
            opts=pulumi.ResourceOptions(parent=self),
        )


def _proof_of(domain: str, options: Sequence[_Option]) -> dict[str, str]:
    """Return the record ACM wants to see for one name of the certificate."""
    for option in options:
        name, kind = option.resource_record_name, option.resource_record_type
        value = option.resource_record_value
        if option.domain_name == domain and name and kind and value:
            return {"name": name, "type": kind, "value": value}
    raise ValueError(f"ACM named no validation record for {domain}; accepted: validation by DNS")
