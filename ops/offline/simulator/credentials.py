"""The access key of one simulated AWS: made anew by each run of it, kept in a private file.

The file has the form of AWS's shared credentials file, so boto3, the AWS CLI and Pulumi read it by
`AWS_SHARED_CREDENTIALS_FILE`, and the secret stands on no command line and in no environment.
"""

import configparser
import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path

from ops.offline.errors import OfflineError
from ops.private_files import write_private

_PROFILE = "default"
_ID_PREFIX = "PERCH"
"""No access key of AWS's begins so (theirs: AKIA, ASIA), and moto gives it the usual account."""
_ID_LETTERS = string.ascii_uppercase + string.digits
_ID_LENGTH = 20
"""As AWS's own: IAM API reference, AccessKey, takes 16 to 128 word characters."""
_SECRET_BYTES = 30


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What requests are signed with.

    Attributes:
        id: named by each request.
        secret: signs it and is never sent.
    """

    id: str
    secret: str = field(repr=False)


def issue(file: Path) -> AccessKey:
    """Make a random access key and put it into a file that only its owner can read.

    Args:
        file: written anew; a key of an earlier run is gone.

    Raises:
        OSError: the file cannot be written.
    """
    random = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH - len(_ID_PREFIX)))
    key = AccessKey(_ID_PREFIX + random, secrets.token_urlsafe(_SECRET_BYTES))
    write_private(
        file,
        f"[{_PROFILE}]\naws_access_key_id = {key.id}\naws_secret_access_key = {key.secret}\n",
    )
    return key


def load(file: Path) -> AccessKey:
    """Read the access key of a running simulation.

    Raises:
        OfflineError: the file cannot be read, or has no access key in it.
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
        section = parser[_PROFILE]
        return AccessKey(section["aws_access_key_id"], section["aws_secret_access_key"])
    except OSError as error:
        raise OfflineError(
            f"credentials file {file}: {error.strerror}; the simulated AWS that it belongs to"
            " writes it when it starts"
        ) from None
    except (configparser.Error, KeyError, UnicodeDecodeError):
        raise OfflineError(
            f"credentials file {file}: has no [{_PROFILE}] with aws_access_key_id and"
            " aws_secret_access_key"
        ) from None
