"""The Pulumi program of this repository, run unchanged in this process.

No Pulumi CLI, no service, no AWS. Recorded, with placeholders for what only a cloud would know::

    from ops.offline.recorder import record

    recording = record("prod")                        # Recording
    recording = record("dev", preview=True)           # outputs unknown, as in `pulumi preview`
    recording = record("local", overrides={"listenerPort": 8443, "aws:region": "eu-central-1"})

    recording.of_type("aws:ec2/subnet:Subnet")        # tuple[Resource, ...], sorted by name
    template = recording.one("aws:ec2/launchTemplate:LaunchTemplate", "blue-template")
    template.inputs["metadataOptions"]["httpTokens"]  # camelCase, secrets unwrapped
    template.input_is_secret("userData")              # bool
    template.options.get("protect"), template.source  # options; "infra/iam.py:88"
    recording.children(template.parent)               # direct children of a URN
    recording.outputs["endpoint_url"]                 # recording.secret_outputs: secret paths
    recording.dump()                                  # JSON, secrets masked, never varies

Created, in moto on this machine (`ops.offline.simulator.server`, or `IN_PROCESS` inside
`mock_aws`)::

    from ops.offline.applier import apply

    applied = apply("local", endpoint_url="http://127.0.0.1:5000", credentials=file)
    applied.outputs["load_balancer_arn"], applied.resources[urn]       # real ids of that endpoint
    applied.unsupported                                                # what moto lacks, and why

Overrides: a key without a namespace is the project's; mappings are merged key by key, other values
replace; a key that the stack's file encrypts stays secret. Encrypted values read as a stand-in,
for nothing here can decrypt them.

The program runs with its own copy of its modules, in its own thread, context and event loop; the
working directory is not changed. `OfflineError` is the only error: its message names every
resource that failed, or where the program raised.

`engine` runs the program, `provider` creates in moto, `placeholders` creates nothing, `simulator`
is moto with a guard, `diff` compares two recordings, `revisions` records a stack at git revisions.
What needs Pulumi is imported from where it lies: commands that only speak to the simulated AWS do
without it.
"""

from ops.offline.errors import OfflineError

__all__ = ["OfflineError"]
