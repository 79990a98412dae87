"""WebSocket conformance: Autobahn's cases against the gateway's server (docs/conformance.md)."""
