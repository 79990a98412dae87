"""Dashboards drawn without a Grafana."""
