"""Checks of call parameters that botocore leaves to the service: enumerations and upper limits.

botocore checks names, types and lower limits before a call; a wrong enumeration value or an
over-long name is answered by AWS, and mostly not answered by moto.
"""

from collections.abc import Iterator, Mapping

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape


def problems(shape: Shape, value: object, path: str = "") -> Iterator[str]:
    """Yield what AWS would refuse, a sentence each: the path, the value, and what is accepted."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for key, item in value.items():
            if key in shape.members:
                yield from problems(shape.members[key], item, f"{path}.{key}" if path else key)
    elif isinstance(shape, ListShape) and isinstance(value, list | tuple):
        yield from _too_many(shape, value, path)
        for index, item in enumerate(value):
            yield from problems(shape.member, item, f"{path}[{index}]")
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        for key, item in value.items():
            yield from problems(shape.value, item, f"{path}.{key}")
    elif isinstance(shape, StringShape) and isinstance(value, str):
        if shape.enum and value not in shape.enum:
            yield f"{path}: {value!r}; accepted: {', '.join(shape.enum)}"
        yield from _too_long(shape, value, path)


def _too_many(
    shape: ListShape, value: list[object] | tuple[object, ...], path: str
) -> Iterator[str]:
    most = shape.metadata.get("max")
    if most is not None and len(value) > most:
        yield f"{path}: {len(value)} items; accepted: at most {most}"


def _too_long(shape: StringShape, value: str, path: str) -> Iterator[str]:
    most = shape.metadata.get("max")
    if most is not None and len(value) > most:
        yield f"{path}: {len(value)} characters ({value[:20]!r}...); accepted: at most {most}"
