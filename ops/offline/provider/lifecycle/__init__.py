"""What happens to a resource once it exists: it is read, changed and deleted, by calls of boto3.

    existing = Existing(resource=..., id=..., inputs=..., outputs=..., ...)
    read(existing)               # Live, or None when it is gone
    update(existing, inputs)     # the new outputs; an input that no call changes is an error
    delete(existing)             # refused where AWS refuses

`deletes`, `reads` and `updates` have a row or a function for every type that `handlers` create.
`alignment` tells a live value in the words that were given, `shaping` an answer of AWS in the shape
of the inputs, `tagging` how each type bears tags, `steering` what reaches no call.
"""

from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.live import Live
from ops.offline.provider.lifecycle.operations import delete, read, update

__all__ = ["Existing", "Live", "delete", "read", "update"]
