"""An open call and the endpoint it counts for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.asr.errors import AsrError
    from app.asr.pool.endpoint import Endpoint
    from app.asr.pool.retry_budget import RetryPermit
    from app.asr.wire.transport import StreamCall


class LeaseCallbacks(Protocol):
    """The part of the pool that a lease calls."""

    @property
    def is_in_use(self) -> bool:
        """Whether the lease's route is the one in use."""

    def has_other_than(self, endpoint: Endpoint) -> bool:
        """Return whether another endpoint is neither ejected nor known to be unready."""

    def worked(self, endpoint: Endpoint) -> None:
        """Note that the endpoint answered."""

    def began_to_work(self, endpoint: Endpoint) -> None:
        """Note that one more stream gave its first result at the endpoint."""

    def failed(self, endpoint: Endpoint, error: AsrError) -> None:
        """Note that a call to the endpoint failed."""

    def refused(self, endpoint: Endpoint, error: AsrError, *, beside: int) -> None:
        """Note that the endpoint took no further stream while so many were open there."""

    def closed(self, lease: EndpointLease) -> None:
        """Note that the lease is over."""


class EndpointLease:
    """One open call to an endpoint, which counts it until `close`.

    Args:
        endpoint: where the call is.
        call: the open call.
        callbacks: of the pool that gave it out.
    """

    def __init__(self, endpoint: Endpoint, call: StreamCall, callbacks: LeaseCallbacks) -> None:
        self.call = call
        self.endpoint = endpoint
        self.has_failed = False
        self._callbacks = callbacks
        self._is_open = True
        self._has_worked = False
        self._leave: Callable[[], None] | None = None
        self._permit: RetryPermit | None = None
        endpoint.streams += 1

    @property
    def elsewhere(self) -> bool:
        """Whether there is another endpoint that is not ejected."""
        return self.is_off_route or self._callbacks.has_other_than(self.endpoint)

    @property
    def is_off_route(self) -> bool:
        """Whether another route is in use now: the stream shall leave, even for its last audio."""
        return not self._callbacks.is_in_use

    @property
    def is_to_move(self) -> bool:
        """Whether the stream shall leave at its next final at the latest.

        Its route is not the one in use any more, or its endpoint's address is gone.
        """
        return self.is_off_route or self.endpoint.is_leaving

    def when_moved(self, leave: Callable[[], None]) -> None:
        """Call `leave` once the stream shall leave at once; now, where that is so already."""
        self._leave = leave
        if self.is_off_route:
            leave()

    def move(self) -> None:
        """Make the stream leave: another route is in use now."""
        if self._leave is not None:
            self._leave()

    def hold(self, permit: RetryPermit) -> None:
        """Keep the permit of the attempt that led here until the recogniser has caught up."""
        self._permit = permit
        permit.opened()

    def worked(self) -> None:
        """Note that the endpoint answered."""
        if self._is_open and not self._has_worked:
            self._has_worked = True
            self.endpoint.working += 1
            self._callbacks.began_to_work(self.endpoint)
        self._release_permit()
        self._callbacks.worked(self.endpoint)

    def broke(self, error: AsrError) -> None:
        """Note that the call failed."""
        self.has_failed = True
        self._release_permit()
        if not self._has_worked:
            self._callbacks.refused(self.endpoint, error, beside=self.endpoint.streams - 1)
        self._callbacks.failed(self.endpoint, error)

    def close(self) -> None:
        """End the call, where it has not ended, and stop counting it; further calls do nothing."""
        if self._is_open:
            self._is_open = False
            self.call.abort()
            self._leave = None
            self._release_permit()
            self.endpoint.streams -= 1
            self.endpoint.working -= self._has_worked
            self._callbacks.closed(self)

    def _release_permit(self) -> None:
        if self._permit is not None:
            self._permit.release()
            self._permit = None
