"""Other services' own SDKs, each in an environment of its own, against a real gateway."""
