"""Deletion of each type, as the provider does it and refused where AWS refuses.

Importing this package registers all of them in `DELETES`, by type token.
"""

from ops.offline.provider.lifecycle.deletes import buckets, compute, identity, rows
from ops.offline.provider.lifecycle.deletes.registry import DELETES

__all__ = ["DELETES", "buckets", "compute", "identity", "rows"]
