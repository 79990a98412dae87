"""Settings of an emulator."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.emulator import EmulatorSettings


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"grpc_port": 65_536}, "grpc_port"),
        ({"tags_selector": "mode=fast"}, "mode 'fast' must be one of"),
        ({"tags_selector": "ctc-streaming"}, "'ctc-streaming' must be key=value"),
        ({"tags_selector": "mode=str,mode=ofl"}, "each key once"),
        ({"languages": ()}, "at least one language"),
        ({"model_dir": Path("/nowhere/at/all")}, "is not a folder"),
        ({"tls_key": Path("key.pem")}, "must be set together"),
        ({"tls_client_ca": Path("ca.pem")}, "needs tls_certificate"),
        ({"max_streams": 0}, "max_streams"),
        ({"when_full": "explode"}, "when_full"),
        ({"unavailable_model_status": "OK"}, "unavailable_model_status"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        EmulatorSettings.model_validate(fields)


@pytest.mark.parametrize(
    ("selector", "streams", "files"),
    [
        ("mode=str", True, False),
        ("mode=str-thr,vad=silero", True, False),
        ("mode=ofl", False, True),
        ("mode=all,diarizer=disabled", True, True),
        ("name=parakeet-0-6b-ctc-en-us,bs=1,mode=str,diarizer=disabled,vad=default", True, False),
        ("type=en-US", True, False),
    ],
)
def test_the_selectors_mode_decides_what_is_served(
    selector: str, streams: bool, files: bool
) -> None:
    settings = EmulatorSettings(tags_selector=selector)
    assert (settings.streams, settings.recognises_files) == (streams, files)
