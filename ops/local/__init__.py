"""The environment on this machine: `perch up` and `perch down`.

`up` applies the stack's program to a simulated AWS and starts what its outputs name: `children`
says with what, `supervisor` keeps the processes, `load_balancer` stands for the ALB and `host` for
a machine's host. `state` is the folder of a running stack, `access` the way to its AWS API.
"""
