"""What the programs on a machine print, as far as it is known without one (docs/unverified.md)."""

from tests.support.boot_settings import NIM

MISMATCH = (
    "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.105\n"
)
NO_DRIVER = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
    "Make sure that the latest NVIDIA driver is installed and running.\n"
)
NO_GPU = "No devices were found\n"
LOST_GPU = "Unable to determine the device handle for GPU0: 0000:00:1E.0: Unknown Error\n"
A10G = "NVIDIA A10G, 580.105.08, 8.6, 23028\n"
RUNTIMES = (
    '{"io.containerd.runc.v2":{"path":"runc"},"nvidia":{"path":"nvidia-container-runtime"}}\n'
)

_SECRET_CALL = "when calling the GetSecretValue operation"  # pragma: allowlist secret
NO_SECRET_VALUE = (
    f"An error occurred (ResourceNotFoundException) {_SECRET_CALL}: Secrets Manager can't find "
    "the specified secret value for staging label: AWSCURRENT\n"
)
SECRET_DENIED = (
    f"An error occurred (AccessDeniedException) {_SECRET_CALL}: User is not authorized to "
    "perform: secretsmanager:GetSecretValue\n"
)
UNREACHABLE = "Could not connect to the endpoint URL\n"
NO_CREDENTIALS = "Unable to locate credentials. You can configure credentials by running ...\n"

NO_SPACE = "failed to register layer: write /opt/nim/x: no space left on device\n"
NO_MANIFEST = (
    f"Error response from daemon: manifest for {NIM} not found: manifest unknown: "
    "manifest unknown\n"
)
UNAUTHORISED = "Error response from daemon: unauthorized: authentication required\n"
DENIED = "Error response from daemon: Head x: denied: Access Denied\n"
BAD_KEY = "Error response from daemon: Get https://nvcr.io/v2/: Unauthorized\n"
_NOT_ALLOWED = "User: arn:aws:sts::123456789012:assumed-role/x/i is not authorized to perform:"
LOGIN_DENIED = (
    "An error occurred (AccessDeniedException) when calling the GetAuthorizationToken operation: "
    f"{_NOT_ALLOWED} ecr:GetAuthorizationToken on resource: *\n"
)
PULL_DENIED = f"Error response from daemon: denied: {_NOT_ALLOWED} ecr:BatchGetImage\n"
TIMEOUT = "Error response from daemon: Get x: net/http: TLS handshake timeout\n"
