"""What people are told who start by hand what Pulumi starts."""

import argparse
from importlib.machinery import ModuleSpec


def refuse(spec: ModuleSpec | None, *, what: str, instead: str) -> None:
    """End the process when a module was started by its name; Pulumi starts folders by their path.

    Run without an engine behind it, the SDK would wait for one, or serve one, for ever.

    Args:
        spec: `__spec__` of the module that was started.
        what: What the module is.
        instead: What a person would run.

    Raises:
        SystemExit: 0 where help was asked for, 2 for anything else.
    """
    if spec is None or spec.parent in {None, ""}:
        return
    parser = argparse.ArgumentParser(prog=f"python -m {spec.parent}", description=what)
    parser.epilog = f"Pulumi starts it, by its path. Run instead: {instead}"
    parser.parse_args()
    parser.error(f"Pulumi starts this, by its path; run instead: {instead}")
