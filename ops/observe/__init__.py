"""Prometheus' rules and Grafana's dashboards, made of the objectives; and both run on this machine.

`symptoms` has the alerts that are no objective's, `rules` makes the rule file, `dashboards` the
dashboards, `documents` what is committed of them, and `prometheus` starts one for `perch up`.
"""
