"""The Pulumi program run without the Pulumi service."""
