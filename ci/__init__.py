"""Who may deploy from CI, and where the state lies: a Pulumi project of its own, applied once."""
