"""The rules themselves, one file an area; `infra.policies.pack` collects their `RULES`."""
