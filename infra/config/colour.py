"""The configuration of a colour: one of the two groups of machines."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from infra.catalogue.machine_images import DLAMI_PARAMETER
from infra.config.elsewhere import LANGUAGE_GROUPS, LanguageGroup
from infra.config.text_kinds import MODEL, NAME, VARIABLES, Flag, Port
from infra.reading import kinds
from infra.reading.reader import Section

Runtime = Literal["nim", "riva"]
OwnRecogniserTls = Literal["off", "tls", "mtls"]


class ColourSettings(Section):
    """One of the two groups of machines."""

    image: Annotated[str, NAME]
    """Recogniser image with a pinned tag or digest, such as
    nvcr.io/nim/nvidia/parakeet-1-1b-rnnt-multilingual:1.5.0."""
    runtime: Annotated[Runtime, kinds.one_of("nim", "riva")] = "nim"
    """nim: a Speech NIM container; riva: a classic Riva server."""
    selector: Annotated[
        str, kinds.text(r"[\w.\-=,]{0,256}", "a NIM_TAGS_SELECTOR such as mode=str,vad=silero")
    ] = "mode=str"
    """NIM_TAGS_SELECTOR; it must name a mode."""
    model: Annotated[str, MODEL] = ""
    """Model the gateway asks for; empty: the server's own choice."""
    language_groups: Annotated[Mapping[str, LanguageGroup], LANGUAGE_GROUPS] = Field(
        default_factory=dict
    )
    """Recognisers elsewhere for further languages, by name; docs/deploy.md has an example."""
    recogniser_environment: Annotated[Mapping[str, str], VARIABLES] = Field(default_factory=dict)
    """Further environment variables of the recogniser, nothing secret, such as NIM_EXPORT_PATH."""
    recogniser_tls: Annotated[OwnRecogniserTls, kinds.one_of("off", "tls", "mtls")] = "off"
    """How the gateway speaks to the recogniser on its machine: off, in clear over loopback; tls, by
    TLS, with the secret recogniser_tls; mtls, the same and the gateway shows gateway_tls. Other
    than off, the recogniser's HTTP port is closed."""
    ngc_key: Flag = True
    """Whether machines fetch ngc_api_key; false: the image is in another registry and the models
    are in the cache."""
    rmirs: Annotated[
        tuple[str, ...],
        kinds.many(kinds.text(r"[\w./\-]{1,200}\.rmir", "a key that ends in .rmir"), 0, 8),
    ] = ()
    """For riva: keys of RMIR files in the stack's artefact bucket, which the first machine
    deploys and the others take from the cache."""
    gateway_tag: Annotated[
        str | None,
        kinds.optional(kinds.text(r"[A-Za-z0-9_][A-Za-z0-9._\-]{0,127}", "an image tag")),
    ] = None
    """Tag of the gateway's image in the stack's own ECR repository."""
    gateway_bundle: Annotated[
        str | None,
        kinds.optional(kinds.text(r"[\w./+\-]{1,200}\.tar\.gz", "a key that ends in .tar.gz")),
    ] = None
    """Instead of an image: key of a bundle of wheels in the stack's artefact bucket."""
    gateway_sha256: Annotated[
        str | None, kinds.optional(kinds.text(r"[0-9a-f]{64}", "64 lower-case hex digits"))
    ] = None
    """SHA-256 of that bundle."""
    instance_types: Annotated[
        tuple[str, ...], kinds.many(kinds.text(r"[a-z0-9\-]+\.[a-z0-9]+", "an instance type"), 1, 8)
    ] = ("g6.2xlarge", "g6.4xlarge")
    """Instance types in order of preference; all of one GPU architecture, for the model cache."""
    min_machines: Annotated[int, kinds.whole(0, 100)] = 0
    """Fewest machines."""
    max_machines: Annotated[int, kinds.whole(0, 100)] = 2
    """Most machines."""
    start_machines: Annotated[int, kinds.whole(0, 100)] = 0
    """Machines started with the colour and held in office hours; min_machines if that is more."""
    spot_percent: Annotated[int, kinds.whole(0, 100, "percent")] = 0
    """Share of spot machines above on_demand_base: cheaper, and taken back by AWS within two
    minutes, whatever gateway.drain_seconds is."""
    on_demand_base: Annotated[int, kinds.whole(0, 100)] = 0
    """Machines that are never spot ones."""
    weight: Annotated[int, kinds.whole(0, 100)]
    """Share of new sessions when the listener is made; afterwards `perch canary` owns it."""
    volume_gib: Annotated[int, kinds.whole(200, 16384, "GiB")] = 200
    """Size of the encrypted root volume."""
    snapshot_id: Annotated[str | None, kinds.optional(kinds.aws_id("snap"))] = None
    """Encrypted snapshot of a volume with image and models, of which each machine gets a volume of
    volume_gib; docs/cold-start.md has how one is made. null: machines fetch both."""
    snapshot_mib_per_second: Annotated[
        int | None, kinds.optional(kinds.whole(100, 300, "MiB/s"))
    ] = None
    """Rate at which AWS brings what the snapshot holds to that volume, for a price per GiB; null:
    as it is read, at no promised rate."""
    instance_store: Flag = True
    """Whether models and images lie on the machine's own NVMe disk where it has one, unless a
    snapshot brings them. What lies there is gone when the machine is stopped."""
    ami_parameter: Annotated[
        str, kinds.text(r"/[\w.\-/]{1,512}(?::\d+)?", "the name of an SSM parameter")
    ] = DLAMI_PARAMETER
    """SSM parameter that names the current AMI; asked at each deployment where ami_id is null, and
    by `perch ami`."""
    ami_id: Annotated[str | None, kinds.optional(kinds.aws_id("ami"))] = None
    """The AMI itself; it may be null where disposable alone. `perch ami --pin` writes it."""
    gateway_port: Port = 8080
    """Port of the gateway on the machine."""
    riva_grpc_port: Port = 50051
    """Port of the recogniser's gRPC on the machine."""
    riva_http_port: Port = 9000
    """Port of the recogniser's HTTP health on the machine."""
