"""Reading of each type: what AWS has now, in the shape of the inputs.

Importing this package registers all of them in `READS`, by type token. A type is a row of `Reading`
where one call describes it, else a function.
"""

from ops.offline.provider.lifecycle.reads import (
    buckets,
    entrance,
    identity,
    monitoring,
    networks,
    scaling,
)
from ops.offline.provider.lifecycle.reads.registry import READS

__all__ = ["READS", "buckets", "entrance", "identity", "monitoring", "networks", "scaling"]
