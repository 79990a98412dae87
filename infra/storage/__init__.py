"""Buckets of models, bundles and access logs, and the repository of gateway images."""
