"""A form's file, however the form is written and however it is cut on the way."""

import contextlib

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract import ContractError, ErrorCode
from app.gateway.uploads.form import MAX_TEXT_BYTES, FormFile, FormRules

LIMIT = 10_000
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
KIND = "multipart/form-data; boundary=x"
WHOLE = HEAD + b"sound\r\n--x--\r\n"


def taken(body: bytes, kind: str = KIND, cuts: tuple[int, ...] = ()) -> tuple[str, bytes]:
    """Return the name and the file of a form that comes in pieces."""
    form = FormFile(kind, LIMIT)
    with contextlib.closing(form):
        for start, end in zip((0, *cuts), (*cuts, len(body)), strict=True):
            form.feed(body[start:end])
        name = form.finish()
        data = form.file.read()
    assert form.size == len(data)
    return name, data


def refusal(body: bytes, kind: str = KIND) -> str:
    with pytest.raises(ContractError) as refused:
        taken(body, kind)
    assert refused.value.code.value in {"bad_request", "upload_too_big"}
    return refused.value.sentence


@given(data=st.binary(min_size=1, max_size=LIMIT), cut=st.data())
@settings(deadline=None)
def test_the_file_is_what_was_sent_wherever_the_form_is_cut(
    data: bytes, cut: st.DataObject
) -> None:
    files = {"other": ("b", b"no file of ours"), "file": ("a.wav", data)}
    request = httpx.Request("POST", "http://perch/", data={"language": "en"}, files=files)
    body = request.read()
    cuts = cut.draw(st.lists(st.integers(0, len(body)), max_size=8).map(sorted).map(tuple))
    assert taken(body, request.headers["Content-Type"], cuts) == ("a.wav", data)


def texts(body: bytes, rules: FormRules, cuts: tuple[int, ...] = ()) -> dict[str, list[str]]:
    """Return the texts that are kept of a form that comes in pieces."""
    form = FormFile(KIND, LIMIT, rules=rules)
    with contextlib.closing(form):
        for start, end in zip((0, *cuts), (*cuts, len(body)), strict=True):
            form.feed(body[start:end])
        form.finish()
        return {name: list(values) for name, values in form.texts().items()}


def field(name: str, value: bytes) -> bytes:
    return (
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
    )


@given(
    values=st.lists(st.tuples(st.sampled_from(["model", "a[]", "other"]), st.text(max_size=99))),
    cut=st.data(),
)
@settings(deadline=None)
def test_the_texts_that_are_asked_for_are_what_was_sent_in_their_order(
    values: list[tuple[str, str]], cut: st.DataObject
) -> None:
    # What looks like the boundary ends a text.
    kept = [(name, value) for name, value in values if "--x" not in value]
    before, after = (
        b"".join(field(name, value.encode()) for name, value in half)
        for half in (kept[::2], kept[1::2])
    )
    body = before + HEAD + b"sound\r\n" + after + b"--x--\r\n"
    cuts = cut.draw(st.lists(st.integers(0, len(body)), max_size=4).map(sorted).map(tuple))
    found = texts(body, FormRules({"model", "a[]"}, 500), cuts)
    expected: dict[str, list[str]] = {}
    for name, value in (*kept[::2], *kept[1::2]):
        if name != "other":
            expected.setdefault(name, []).append(value)
    assert found == expected


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (field("model", b"\xff") + WHOLE, "The field model is no UTF-8"),
        (field("model", bytes(MAX_TEXT_BYTES + 1)) + WHOLE, "The texts of the form have more"),
        (field("model", bytes(9000)) * 4 + WHOLE, "The texts of the form have more than 32768"),
        (field("model", b"m") * 5 + WHOLE, "The form has more than 5 fields"),
    ],
    ids=range(4),
)
def test_texts_that_cannot_be_kept_are_named(body: bytes, said: str) -> None:
    with pytest.raises(ContractError) as refused:
        texts(body, FormRules({"model"}, 5))
    assert refused.value.code is ErrorCode.BAD_REQUEST
    assert refused.value.sentence.startswith(said)


def test_a_form_that_ends_inside_a_text_is_not_taken_for_a_whole_one() -> None:
    cut_off = HEAD + b"sound\r\n" + field("model", b"parakeet")[:-4]
    with pytest.raises(ContractError, match="The form ends inside a field"):
        texts(cut_off, FormRules({"model"}))


@given(body=st.binary(max_size=300) | st.binary(max_size=100).map(lambda rest: HEAD + rest))
@settings(deadline=None)
def test_any_bytes_are_a_file_or_one_sentence(body: bytes) -> None:
    with contextlib.suppress(ContractError):
        taken(body)


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (b'filename="a \\"b\\".wav"', 'a "b".wav'),
        ('filename="größe.wav"'.encode(), "größe.wav"),
        ('filename="größe.wav"'.encode("latin-1"), "größe.wav"),
        (b'filename="' + b"n" * 300 + b'"', "n" * 255),
        (b"filename=a.wav", "a.wav"),
    ],
)
def test_the_name_is_the_clients(sent: bytes, name: str) -> None:
    body = WHOLE.replace(b'filename="a.wav"', sent)
    assert taken(body) == (name, b"sound")


def test_a_media_type_is_compared_as_rfc_9110_says() -> None:
    assert taken(WHOLE, 'Multipart/Form-Data ; Charset=utf-8; boundary="x"') == ("a.wav", b"sound")


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (WHOLE, "application/json", "Content-Type must be multipart/form-data"),
        (WHOLE, "", "Content-Type must be multipart/form-data"),
        (WHOLE, "multipart/form-data", "Content-Type names no boundary"),
        (WHOLE, f"multipart/form-data; boundary={'x' * 300}", "Content-Type cannot be used: "),
        (b"{}", KIND, "The form cannot be read: "),
        (b"", KIND, "The form has no file in a field named file"),
        (WHOLE[:-10], KIND, "The form ends inside the file"),
        (WHOLE.replace(b"sound", b""), KIND, "The file is empty"),
        (WHOLE.replace(b'"file"', b'"sound"'), KIND, "The form has no file in a field named file"),
        (WHOLE[:-5] + b"\r\n" + WHOLE, KIND, "The form has more than one file in a field named"),
        (b"--x\r\nA: b\r\n\r\n\r\n" * 20 + WHOLE, KIND, "The form has more than 16 fields"),
        (b"--x\r\n" + b"A: b\r\n" * 2000, KIND, "The form cannot be read: "),
        (b"--x\r\n" + (b"A: " + b"b" * 4000 + b"\r\n") * 3, KIND, "A field of the form has more"),
        (WHOLE.replace(b"sound", bytes(LIMIT + 1)), KIND, "The upload is larger than the limit"),
    ],
    ids=range(14),
)  # fmt: skip
def test_what_is_no_form_with_a_file_is_named(body: bytes, kind: str, said: str) -> None:
    assert refusal(body, kind).startswith(said)
