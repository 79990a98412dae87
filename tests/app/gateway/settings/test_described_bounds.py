"""What a setting's description says is accepted is accepted, up to the very numbers it names."""

import pytest
from pydantic.fields import FieldInfo

from app.gateway.settings.gateway import GatewaySettings
from tests.support.described_bounds import differences, span

FIELDS = GatewaySettings.model_fields
WITHOUT_NUMBERS = {
    "app_upload_spool_mb", "app_upload_audio_s", "app_upload_dir", "app_host", "app_admin_host",
    "app_ssl_cert", "app_ssl_key", "app_auth_tokens", "app_auth_tokens_file", "app_allowed_origins",
    "app_anonymous", "app_allowed_hosts", "app_trusted_proxies", "app_details_networks",
    "app_resume_keys", "app_resume_keys_file",
    "app_jwt_keys_url", "app_jwt_keys_file", "app_jwt_issuer", "app_jwt_audience",
    "app_jwt_algorithms", "app_jwt_scope_prefix", "app_access_list_file",
    "app_dialects", "app_model_aliases",
    "app_riva_label", "app_colour", "app_recognition", "app_recognition_file", "audio_ffmpeg",
    "log_level", "log_format",
    "otel_exporter_otlp_endpoint", "otel_exporter_otlp_protocol", "otel_exporter_otlp_headers",
    "otel_exporter_otlp_certificate", "otel_service_name", "otel_resource_attributes",
    "otel_traces_sampler", "otel_sdk_disabled",
}  # fmt: skip
"""Texts, choices and files; and where a bound is another setting."""


def test_every_other_number_says_from_where_to_where_it_goes() -> None:
    assert {name for name, field in FIELDS.items() if span(field) is None} == WITHOUT_NUMBERS


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - WITHOUT_NUMBERS))
def test_a_number_is_taken_from_the_least_to_the_most_and_no_further(name: str) -> None:
    assert differences(FIELDS[name], zero_too=name == "audio_max_realtime_factor") == []


@pytest.mark.parametrize(
    ("description", "found"),
    [
        ("seconds above 0, to 86400: longest", (True, 0, 86400)),
        ("seconds from 0.2 to 60 of audio", (False, 0.2, 60)),
        ("1 to 60000 ms (560 or more)", (False, 1, 60000)),
        ("host name or address", None),
    ],
)
def test_the_numbers_of_a_description_are_read(description: str, found: object) -> None:
    assert span(FieldInfo(description=description)) == found
