"""Other services' dialects have one name each, wherever they are chosen or told of."""

from typing import get_args

from app.gateway.dialects.registry import DIALECTS, UPLOAD_DIALECTS
from app.gateway.grpc_front.codec import RivaCodec
from app.gateway.settings.dialects import OtherDialect
from infra.config.sections import OtherDialect as OfAStack
from tests.support.uv import ROOT


def test_a_stack_can_choose_the_dialects_that_a_gateway_can() -> None:
    assert set(get_args(OfAStack)) == set(map(str, OtherDialect))


def test_each_of_them_has_a_page_for_who_uses_its_client() -> None:
    pages = {page.stem for page in (ROOT / "docs" / "clients").glob("*.md")}
    spoken = {one.name for one in DIALECTS} | {one.name for one in UPLOAD_DIALECTS}
    chosen = set(map(str, OtherDialect)) & spoken
    # Riva's is chosen by its port.
    assert {page.partition("-")[0] for page in pages} == {*chosen, RivaCodec.name}
