"""The CloudWatch agent's configuration: host metrics, logs, the socket for embedded metrics."""

import json

from infra.boot.settings import EMF_PORT, METRICS_NAMESPACE, MachineSettings

LOG_FOLDER = "/var/log/perch"


def log_agent_config(settings: MachineSettings) -> str:
    """Return JSON for `amazon-cloudwatch-agent-ctl -a fetch-config`.

    Keys are those of AWS's "Manually create or edit the CloudWatch agent configuration file".
    Memory and disk come from the agent, GPU and sessions from our exporter through the agent's
    socket for embedded metrics, so both lists of metrics stay short and paid for on purpose.
    """
    groups = {
        "gateway": settings.gateway_log_group,
        "asr": settings.asr_log_group,
        "host": settings.system_log_group,
    }
    files = [_log(f"{LOG_FOLDER}/{name}.log", group) for name, group in groups.items()]
    document = {
        "agent": {"region": settings.region, "metrics_collection_interval": 60},
        "metrics": {
            "namespace": METRICS_NAMESPACE,
            # Filled by the agent from the instance itself; the braces are its own notation.
            "append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}"},
            "metrics_collected": {
                "mem": {"measurement": ["used_percent"]},
                "disk": {"measurement": ["used_percent"], "resources": ["/"], "drop_device": True},
            },
        },
        "logs": {
            "metrics_collected": {"emf": {"service_address": f"udp://127.0.0.1:{EMF_PORT}"}},
            "logs_collected": {
                "files": {
                    "collect_list": [
                        *files,
                        _log("/var/log/cloud-init-output.log", settings.system_log_group),
                    ]
                }
            },
        },
    }
    return json.dumps(document, indent=1) + "\n"


def _log(path: str, group: str) -> dict[str, str]:
    name = path.rsplit("/", 1)[-1].removesuffix(".log")
    return {
        "file_path": path,
        "log_group_name": group,
        "log_stream_name": f"{{instance_id}}/{name}",
    }
