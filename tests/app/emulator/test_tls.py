"""TLS on the gRPC port, with certificates made for the test."""

from pathlib import Path

import grpc
import pytest
import riva.client.proto.riva_asr_pb2 as asr
import riva.client.proto.riva_asr_pb2_grpc as asr_grpc
import trustme

from app.emulator import EmulatorSettings, serve


def settings(folder: Path, authority: trustme.CA, *, mutual: bool) -> EmulatorSettings:
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return EmulatorSettings(
        engine="none",
        tls_certificate=folder / "cert.pem",
        tls_key=folder / "key.pem",
        tls_client_ca=folder / "ca.pem" if mutual else None,
    )


async def models(target: str, credentials: grpc.ChannelCredentials | None) -> int:
    request = asr.RivaSpeechRecognitionConfigRequest()
    channel = (
        grpc.aio.insecure_channel(target)
        if credentials is None
        else grpc.aio.secure_channel(target, credentials)
    )
    async with channel:
        riva = asr_grpc.RivaSpeechRecognitionStub(channel)
        return len((await riva.GetRivaSpeechRecognitionConfig(request)).model_config)


async def test_a_client_that_trusts_the_authority_is_served_and_plaintext_is_not(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    trusted = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    async with serve(settings(tmp_path, authority, mutual=False)) as emulator:
        assert await models(emulator.grpc_target, trusted) == 1
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await models(emulator.grpc_target, None)
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_mutual_tls_serves_only_clients_with_a_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    pair = authority.issue_cert("client@example.test")
    named = grpc.ssl_channel_credentials(
        authority.cert_pem.bytes(),
        pair.private_key_pem.bytes(),
        pair.cert_chain_pems[0].bytes(),
    )
    nameless = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    async with serve(settings(tmp_path, authority, mutual=True)) as emulator:
        assert await models(emulator.grpc_target, named) == 1
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await models(emulator.grpc_target, nameless)
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE
