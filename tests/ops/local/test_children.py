"""What children of a local stack are told of the person's shell."""

from ops.local.children import scrubbed, traced


def test_traces_of_the_shell_are_told_apart_by_colour_and_off_without_a_collector() -> None:
    assert traced({"OTEL_RESOURCE_ATTRIBUTES": "team=a"}, "blue") == {}
    shell = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
        "OTEL_RESOURCE_ATTRIBUTES": "team=a",
    }
    assert scrubbed(shell).items() >= shell.items()
    assert traced(shell, "green") == {
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=local,perch.colour=green,team=a"
    }
