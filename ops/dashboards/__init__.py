"""`perch dashboards`: the dashboards of `ops.observe` drawn without a Grafana.

`asking` has a Prometheus answer each panel's queries, `drawing` makes pictures of the answers, and
`command` writes them.
"""
