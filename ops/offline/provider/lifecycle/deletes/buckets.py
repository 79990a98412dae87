"""Deletion of buckets and objects."""

from typing import Any

from ops.offline.provider.lifecycle.deletes.registry import deletes
from ops.offline.provider.lifecycle.existing import Existing


@deletes("aws:s3/bucket:Bucket")
def _bucket(existing: Existing) -> None:
    """Delete a bucket; one that holds objects only by `forceDestroy`, which deletes those too."""
    if existing.inputs.get("forceDestroy"):
        _empty(existing, existing.id, "")
    existing.ask("s3", "delete_bucket", Bucket=existing.id)


@deletes("aws:s3/bucketObjectv2:BucketObjectv2")
def _object(existing: Existing) -> None:
    """Delete an object with every version of it."""
    _empty(existing, existing.get("bucket"), existing.get("key"))


def _empty(existing: Existing, bucket: str, key: str) -> None:
    """Delete every version and marker: all of them, or those of one key."""
    found: dict[str, Any] | None
    while found := existing.ask("s3", "list_object_versions", Bucket=bucket, Prefix=key):
        entries = [
            entry
            for kind in ("Versions", "DeleteMarkers")
            for entry in found.get(kind, ())
            if not key or entry["Key"] == key
        ]
        for entry in entries:
            existing.call(
                "s3",
                "delete_object",
                Bucket=bucket,
                Key=entry["Key"],
                VersionId=entry["VersionId"],
            )
        if not entries:
            return
