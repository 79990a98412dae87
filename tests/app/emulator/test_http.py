"""The HTTP side of an emulator."""

import httpx
import pytest

from app.emulator import EmulatorSettings, Script, StreamScript, serve
from tests.app.emulator.riva_calls import audio, first, stream

QUIET = EmulatorSettings(engine="none")
OPEN = EmulatorSettings(engine="none", admin=True)


async def test_health_and_models_answer_as_a_nim_does() -> None:
    async with serve(QUIET) as emulator, httpx.AsyncClient(base_url=emulator.http_url) as http:
        live, ready = await http.get("/v1/health/live"), await http.get("/v1/health/ready")
        models = await http.get("/v1/models")
    assert live.status_code == 200
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert [model["id"] for model in models.json()["data"]] == [QUIET.model_name]


async def test_a_loading_server_is_alive_and_not_ready() -> None:
    loading = EmulatorSettings(engine="none", loading_seconds=60)
    async with (
        serve(loading, load_first=False) as emulator,
        httpx.AsyncClient(base_url=emulator.http_url) as http,
    ):
        assert (await http.get("/v1/health/live")).status_code == 200
        assert (await http.get("/v1/health/ready")).status_code == 503
        assert (await http.get("/v1/models")).status_code == 503


async def test_metrics_count_streams_and_audio() -> None:
    async with serve(QUIET) as emulator, httpx.AsyncClient(base_url=emulator.http_url) as http:
        await stream(emulator, first(), audio(2))
        await emulator.wait_for_stream(lambda stream: stream.status == "OK")
        text = (await http.get("/v1/metrics")).text
    assert 'perch_emulator_streams_ended_total{status="OK"} 1.0' in text
    assert "perch_emulator_audio_seconds_total 2.0" in text
    assert "perch_emulator_streams 0.0" in text


async def test_a_script_set_over_http_holds_from_the_next_stream_on() -> None:
    script = {"streams": [{"results": [{"text": "hello", "is_final": True}]}]}
    async with serve(OPEN) as emulator, httpx.AsyncClient(base_url=emulator.http_url) as http:
        answer = await http.post("/admin/script", json=script)
        assert answer.status_code == 200
        assert Script.model_validate(answer.json()) == Script.model_validate(script)
        assert (await http.get("/admin/script")).json() == answer.json()
        assert len(await stream(emulator, first(), audio())) == 1
        (record,) = (await http.get("/admin/streams")).json()["streams"]
    assert (record["finals"], record["messages"]) == (1, 1)
    assert "metadata" not in record


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{", ""),
        ('{"streams": [{"finals": "maybe"}]}', "streams.0.finals"),
        ('{"streams": [{"fault": {"do": "kill", "what": "process"}}]}', "streams"),
    ],
)
async def test_a_wrong_script_is_answered_with_its_field(body: str, field: str) -> None:
    async with serve(OPEN) as emulator, httpx.AsyncClient(base_url=emulator.http_url) as http:
        answer = await http.post("/admin/script", content=body)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["problems"]] == [field]


async def test_scripts_cannot_be_set_unless_that_was_switched_on() -> None:
    script = Script(streams=(StreamScript(result_delay=1),)).model_dump_json()
    async with serve(QUIET) as emulator, httpx.AsyncClient(base_url=emulator.http_url) as http:
        for path in ("/admin/script", "/admin/streams"):
            assert (await http.get(path)).status_code == 404
        assert (await http.post("/admin/script", content=script)).status_code == 404


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example:9000"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost@evil.example"},
        {"Host": "[::1].evil.example"},
        {"Host": ""},
    ],
    ids=str,
)
async def test_no_web_page_gets_an_answer_or_sets_a_script(header: dict[str, str]) -> None:
    script = Script(streams=(StreamScript(result_delay=1),)).model_dump_json()
    async with serve(OPEN) as emulator, httpx.AsyncClient(base_url=emulator.http_url) as http:
        for path in ("/v1/models", "/v1/metrics", "/v1/health/ready", "/admin/streams", "/nothing"):
            refused = await http.get(path, headers=header)
            assert refused.status_code == 403
            assert "access-control-allow-origin" not in refused.headers
        assert (await http.post("/admin/script", content=script, headers=header)).status_code == 403
        assert (await http.get("/admin/script")).json()["streams"] == []


@pytest.mark.parametrize("host", ["localhost:9000", "LOCALHOST", "127.0.0.1", "[::1]:9000"])
async def test_whoever_names_this_machine_is_answered(host: str) -> None:
    async with serve(QUIET) as emulator, httpx.AsyncClient(base_url=emulator.http_url) as http:
        answer = await http.get("/v1/health/live", headers={"Host": host})
    assert answer.status_code == 200


async def test_a_further_name_is_taken_once_it_was_allowed() -> None:
    named = EmulatorSettings(engine="none", allowed_hosts=("riva.internal",))
    for settings, status in ((QUIET, 403), (named, 200)):
        async with serve(settings) as emulator, httpx.AsyncClient() as http:
            answer = await http.get(
                f"{emulator.http_url}/v1/health/live", headers={"Host": "riva.internal:9000"}
            )
        assert answer.status_code == status


async def test_the_grpc_port_gives_nothing_to_a_browser() -> None:
    # A browser speaks HTTP/1.1 where there is no TLS, and gRPC's server does not.
    async with serve(QUIET) as emulator, httpx.AsyncClient() as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(f"http://{emulator.grpc_target}/")
