"""The AWS CLI's calls of the runbooks, by botocore: what `aws` is where the tests run them.

The AWS CLI, version 2, is on no package index, and version 1 in the environment would come before a
person's own on PATH, which `perch host` needs (ADR 1140). Both make their commands of botocore's
service model: operations, parameters in kebab case, `--query` in JMESPath. So does this, for the
shapes that runbooks use, and refuses the rest.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

import boto3
import click
import jmespath  # type: ignore[import-untyped]  # botocore's own
from botocore import xform_name

MIN_WORDS = 2
"""A service and what is asked of it."""


def parameters(model: Any, words: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:  # noqa: ANN401 - botocore is untyped
    """Read options: those of an operation by its input's members, and the CLI's own."""
    names = {xform_name(name, "-"): name for name in model.input_shape.members}
    given: dict[str, Any] = {}
    own = {"output": "json", "query": ""}
    rest = list(words)
    while rest:
        option = rest.pop(0)
        values = []
        while rest and not rest[0].startswith("--"):
            values.append(rest.pop(0))
        name = option.removeprefix("--")
        if name in own:
            [own[name]] = values
        elif option.startswith("--") and name in names:
            given[names[name]] = _value(model.input_shape.members[names[name]], values)
        else:
            raise SystemExit(f"aws: unknown option {option}")
    return given, own


def _value(shape: Any, values: list[str]) -> Any:  # noqa: ANN401 - as above
    if shape.type_name == "list" and shape.member.type_name == "structure":
        return [_structure(shape.member, value) for value in values]
    if shape.type_name == "list":
        return values
    if shape.type_name == "boolean":
        return True
    [value] = values
    return int(value) if shape.type_name in {"integer", "long"} else value


def _structure(shape: Any, text: str) -> dict[str, Any]:  # noqa: ANN401 - as above
    """Read the CLI's shorthand, as in Key=Project,Values=perch."""
    pairs = dict(part.split("=", 1) for part in text.split(","))
    return {key: _value(shape.members[key], [value]) for key, value in pairs.items()}


def _list_objects(words: Sequence[str]) -> None:
    """Print as `aws s3 ls [--recursive] s3://BUCKET/PREFIX` does; 1 where there is nothing."""
    [address] = [word for word in words if word != "--recursive"]
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    delimiter = {} if "--recursive" in words else {"Delimiter": "/"}
    s3: Any = boto3.client("s3")
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, **delimiter)
    for folder in found.get("CommonPrefixes", ()):
        click.echo(f"{'PRE':>30} {folder['Prefix'].removeprefix(prefix)}")
    for one in found.get("Contents", ()):
        click.echo(f"{one['LastModified']:%Y-%m-%d %H:%M:%S} {one['Size']:>10} {one['Key']}")
    if not found["KeyCount"]:
        raise SystemExit(1)


def main(words: Sequence[str]) -> None:
    """Make one call and print its answer."""
    if "--help" in words:
        click.echo("usage: aws SERVICE OPERATION [--NAME VALUE ...] | aws s3 ls s3://BUCKET/PREFIX")
        return
    if len(words) < MIN_WORDS or words[0].startswith("-"):
        click.echo(f"aws: a service and an operation are needed, not {words}", err=True)
        raise SystemExit(2)
    if tuple(words[:2]) == ("s3", "ls"):
        _list_objects(words[2:])
        return
    service, operation, *options = words
    client = boto3.client(service)  # type: ignore[call-overload]  # the name is the page's
    names = {xform_name(name, "-"): name for name in client.meta.service_model.operation_names}
    if operation not in names:
        raise SystemExit(f"aws: {service} has no operation {operation}")
    given, own = parameters(client.meta.service_model.operation_model(names[operation]), options)
    method = xform_name(names[operation])
    if client.can_paginate(method):
        answer = client.get_paginator(method).paginate(**given).build_full_result()
    else:
        answer = getattr(client, method)(**given)
        answer.pop("ResponseMetadata", None)
    chosen = jmespath.search(own["query"], answer) if own["query"] else answer
    if own["output"] == "text":
        for row in chosen if isinstance(chosen, list) else [chosen]:
            click.echo("\t".join(map(str, row)) if isinstance(row, list) else row)
    else:
        click.echo(json.dumps(chosen, indent=4, default=str))


if __name__ == "__main__":
    main(sys.argv[1:])
