"""What exists in AWS: the Pulumi program of one environment.

`__main__` tells it from top to bottom. From the ground up: `catalogue` (tables about the world),
`config` (what a stack says), `boot` (what a machine does when it starts), and the components:
`network`, `entrance`, `security`, `storage`, `machines`, `observability`. `outputs` is what a stack
tells everybody else; `policies` is what must be true of every stack.
"""
