"""Rules, alerts and dashboards of Prometheus and Grafana."""
