"""Reads a Pulumi project and one stack's configuration as the Pulumi CLI would.

Sources: the project schema of pulumi/pulumi (sdk/go/common/workspace/project.json) for `main`,
`stackConfigDir` and `config`; the rules for namespaces and structured values are those of `pulumi
config`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ops.console.hints import perhaps
from ops.offline.errors import OfflineError

CHECKOUT = Path(__file__).resolve().parents[3]
"""The checkout this code lies in: the project that is run when no other is named."""

STAND_IN = "offline-stand-in"
"""What an encrypted value reads as: nothing here can decrypt it, and nothing here should."""


_END = "'<stream end>'"
"""What PyYAML calls the end of a file."""


class _CoreLoader(yaml.SafeLoader):
    """YAML as Pulumi's Go reader resolves it: `on`, `19:00` and `2026-01-31` are strings."""


_CoreLoader.yaml_implicit_resolvers = {}
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
_CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackProject:
    """One stack of one project, ready to run.

    Attributes:
        root: folder that holds Pulumi.yaml.
        program: what `main` names: a folder with `__main__.py`, or a file.
        file: the stack's own file.
        name: the project's name.
        stack: the stack's name.
        stack_file: where its configuration stands.
        config: full keys (`perch:domain`) to strings; objects and lists as JSON, as Pulumi passes
            them.
        secret_keys: the keys whose values are secret.
    """

    root: Path
    program: Path
    file: Path
    name: str
    stack: str
    stack_file: Path
    config: Mapping[str, str]
    secret_keys: frozenset[str]


def load_project(
    stack: str, *, root: Path | None = None, overrides: Mapping[str, object] | None = None
) -> StackProject:
    """Read Pulumi.yaml and the stack's file.

    Args:
        stack: the stack's name.
        root: folder of Pulumi.yaml; the checkout of this code unless given.
        overrides: configuration laid over the stack's file. A key without a namespace is the
            project's. A mapping is merged key by key into a mapping; any other value replaces what
            stood there, and a secret stays secret.

    Raises:
        OfflineError: a file is missing or not valid; for a missing stack the message names those
            that exist.
    """
    root = (root or CHECKOUT).resolve()
    project_file = root / "Pulumi.yaml"
    if not project_file.is_file():
        raise OfflineError(f"{root}: no Pulumi.yaml here; name the folder of a Pulumi project")
    project = _read(project_file)
    name = project.get("name")
    if not isinstance(name, str) or not name:
        raise OfflineError(f"{project_file}: name: {name!r}; a project name is required")
    program = (root / str(project.get("main", "."))).resolve()
    if not program.exists():
        raise OfflineError(f"{project_file}: main: {project.get('main')!r} does not exist")
    stack_file = _stack_file(root / str(project.get("stackConfigDir", ".")), stack)

    values = _project_defaults(project, name, project_file)
    for key, value in _section(_read(stack_file), "config", stack_file).items():
        values[_full_key(key, name)] = value
    for key, value in (overrides or {}).items():
        full = _full_key(key, name)
        values[full] = _merge(values.get(full), value)

    config: dict[str, str] = {}
    secret_keys: set[str] = set()
    for key, value in values.items():
        plain, is_secret = _without_ciphertext(value)
        config[key] = _as_config_string(plain)
        if is_secret:
            secret_keys.add(key)
    return StackProject(
        root=root,
        program=program,
        file=stack_file,
        name=name,
        stack=stack,
        stack_file=stack_file,
        config=config,
        secret_keys=frozenset(secret_keys),
    )


def stack_names(root: Path | None = None) -> tuple[str, ...]:
    """Return the stacks that have a file, sorted."""
    root = (root or CHECKOUT).resolve()
    project = _read(root / "Pulumi.yaml") if (root / "Pulumi.yaml").is_file() else {}
    return _stacks_in(root / str(project.get("stackConfigDir", ".")))


def _stacks_in(folder: Path) -> tuple[str, ...]:
    return tuple(
        sorted(
            path.name.removeprefix("Pulumi.").removesuffix(".yaml")
            for path in folder.glob("Pulumi.*.yaml")
        )
    )


def _stack_file(folder: Path, stack: str) -> Path:
    existing = _stacks_in(folder)
    if stack not in existing:
        known = ", ".join(existing) or "none"
        raise OfflineError(
            f"stack {stack!r} has no file in {folder}{perhaps(stack, existing)}; "
            f"stacks there: {known}"
        )
    return folder / f"Pulumi.{stack}.yaml"


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.load(text, Loader=_CoreLoader)  # noqa: S506 - it is a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise OfflineError(f"{path}{_fault(error)}") from None
    except OSError as error:
        raise OfflineError(f"{path}: cannot be read: {error.strerror}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise OfflineError(f"{path}: holds {type(content).__name__}; a mapping is expected")
    return content


def _fault(error: Exception) -> str:
    """Say, behind a file's name, where it is no YAML and why."""
    place, reason = "", " ".join(str(error).split())
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        place = f", line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
        reason = ", ".join(filter(None, (error.context, error.problem)))
    elif isinstance(error, yaml.YAMLError):
        # A character that YAML does not allow; its kind of error has no public name.
        reason = reason.partition(' in "<unicode string>"')[0]
    elif isinstance(error, RecursionError):
        reason = "nested too deeply"
    return f"{place}: not valid YAML: {reason.replace(_END, 'the end of the file')}"


def _section(content: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    section = content.get(key)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise OfflineError(f"{path}: {key}: holds {type(section).__name__}; a mapping is expected")
    return section


def _full_key(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _project_defaults(project: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    """Return what Pulumi.yaml sets for every stack: bare, or as `value` or `default`."""
    values: dict[str, Any] = {}
    declared = project.get("config")
    if isinstance(declared, str):  # the deprecated spelling of stackConfigDir
        return values
    for key, entry in _section(project, "config", path).items():
        full = _full_key(key, name)
        if not isinstance(entry, dict):
            values[full] = entry
            continue
        for field in ("value", "default"):
            if field in entry:
                secret = entry.get("secret") is True
                values[full] = {"secure": entry[field]} if secret else entry[field]
                break
    return values


def _merge(below: object, above: object) -> object:
    if _is_secure(below):
        # A value laid over a secret takes its place and its secrecy; it is plain text already.
        return _Plain(above)
    if isinstance(below, dict) and isinstance(above, Mapping):
        merged: dict[str, object] = dict(below)
        for key, value in above.items():
            merged[key] = _merge(merged.get(key), value)
        return merged
    return above


@dataclass(frozen=True, slots=True)
class _Plain:
    """A secret's plain text, given from outside."""

    value: object


def _is_secure(value: object) -> bool:
    return isinstance(value, _Plain) or (isinstance(value, dict) and set(value) == {"secure"})


def _without_ciphertext(value: object) -> tuple[object, bool]:
    """Return the value with every `secure:` replaced by a stand-in, and whether there was one."""
    if isinstance(value, _Plain):
        return value.value, True
    if _is_secure(value):
        return STAND_IN, True
    if isinstance(value, Mapping):
        parts = {key: _without_ciphertext(item) for key, item in value.items()}
        return {key: part for key, (part, _) in parts.items()}, any(
            secret for _, secret in parts.values()
        )
    if isinstance(value, list | tuple):
        items = [_without_ciphertext(item) for item in value]
        return [item for item, _ in items], any(secret for _, secret in items)
    return value, False


def _as_config_string(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    # Keys in the order in which Go writes a map.
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
