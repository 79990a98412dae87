"""No class of ours shows a secret when it is printed: in a log, a traceback, a failed assertion.

Found by name, as far as names tell. A secret in a local variable, or one that is called otherwise,
is the log's own masking (tests/app/test_redaction.py).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app.contract.fields import ResumeOffer
from app.gateway.dialects.codec import Handshake

ROOT: Final = Path(__file__).parents[2]
NAMES: Final = re.compile(
    r"(^|_)(tokens?|secrets?|passwords?|credentials?|api_keys?|signing_keys?)$"
)
HELD: Final = re.compile(r"\b(str|bytes|Mapping|Sequence|dict|tuple|list)\b")
HARMLESS: Final = {
    # Words of a model, of which a text is made.
    ("app/emulator/engine/decoder.py", "_Generated"),
    # Name of a function of a provider, in Pulumi's words.
    ("ops/offline/engine/recording.py", "Invoke"),
    # Says which of one person's processes has a lease.
    ("ops/rollout/journal.py", "Operator"),
    # Outputs that are promised, and each is a secret of Pulumi's.
    ("infra/config/stack.py", "Stack"),
    # Names of tokens, which are no secret.
    ("app/credentials/access_list.py", "AccessList"),
    # ARNs.
    ("infra/outputs.py", "SecretArns"),
}


def fields() -> Iterator[tuple[str, str, str, str]]:
    """File, class, name and source of every annotated field of ours."""
    for folder in ("app", "ci", "infra", "ops", "packaging"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.ClassDef):
                    continue
                for one in node.body:
                    if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                        place = str(path.relative_to(ROOT))
                        yield place, node.name, one.target.id, ast.unparse(one)


def test_a_field_that_holds_a_secret_is_not_shown() -> None:
    shown = {
        (place, owner)
        for place, owner, name, source in fields()
        if NAMES.search(name)
        and HELD.search(source.partition("=")[0])
        and "SecretStr" not in source
        and "repr=False" not in source
    }
    assert shown - HARMLESS == set()
    assert shown >= HARMLESS


def test_what_a_client_sent_with_its_handshake_is_not_shown() -> None:
    secret = "a-token-of-somebody"  # pragma: allowlist secret
    shown = repr(
        Handshake(
            connection_id="c",
            query={"token": secret},
            headers={"authorization": f"Bearer {secret}"},
            subprotocols=[f"bearer.{secret}"],
        )
    )
    assert secret not in shown
    assert secret not in repr(ResumeOffer(token=secret, window_s=1, heartbeat_s=1))
