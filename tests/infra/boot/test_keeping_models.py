"""A machine that gave its launch up saves the models it was building, then goes.

Real scripts against stand-ins; with a real systemd in test_machine.py.
"""

from tests.infra.boot.standins.host import Host


def gives_up(host: Host, **changes: str) -> list[str]:
    """Let the launch fail as `wait-ready` does; what was done then, in order."""
    (host.run_folder / "reason.perch-lifecycle.service").write_text("not_ready\n")
    changes = {"PERCH_HTTP_PORT": host.own_port, **changes}
    done = host.run("report-failure", "perch-lifecycle.service", **changes)
    assert done.returncode == 0, done.stderr
    steps = (
        "BootFailures",
        "heartbeat",
        "perch-cache-save",
        "ABANDON",
        "is-failed --quiet perch-a",
    )
    return [step for call in host.calls() for step in steps if step in call.line]


def test_it_saves_the_models_before_it_lets_go(host: Host) -> None:
    host.metadata.recogniser_ready = True
    done = gives_up(host)
    assert done == ["BootFailures", "heartbeat", "perch-cache-save", "ABANDON"]


def test_it_waits_for_the_recogniser_and_keeps_its_group_waiting(host: Host) -> None:
    host.answer("systemctl is-failed --quiet perch-asr", status=1)
    done = gives_up(host, PERCH_KEEP_SECONDS="3")
    assert done[:2] == ["BootFailures", "is-failed --quiet perch-a"]
    assert done.count("heartbeat") == 1
    assert "perch-cache-save" not in done
    assert done[-1] == "ABANDON"


def test_it_does_not_wait_for_a_recogniser_that_has_failed(host: Host) -> None:
    assert gives_up(host) == ["BootFailures", "is-failed --quiet perch-a", "ABANDON"]


def test_models_that_were_restored_are_not_waited_for(host: Host) -> None:
    (host.store / "models-whole").write_text("nvidia-a10g-sm86/x\n")
    assert gives_up(host) == ["BootFailures", "ABANDON"]


def test_a_machine_that_cannot_serve_for_another_reason_goes_at_once(host: Host) -> None:
    host.metadata.recogniser_ready = True
    (host.run_folder / "reason.perch-image.service").write_text("image_missing\n")
    host.run("report-failure", "perch-image.service", PERCH_HTTP_PORT=host.own_port)
    assert host.calls("ABANDON")
    assert not host.calls("perch-cache-save")
