"""The `aws` resource provider as the Pulumi engine speaks to it: gRPC in front of a simulated AWS.

The real provider is a Go program that only Pulumi's own hosts hand out and that would speak to AWS.
This one answers the same protocol (pulumi/pulumi: proto/pulumi/provider.proto) from
`ops.offline.provider`, so that the real engine plans and applies a stack against moto:
`service.serve` listens, and the engine attaches by `PULUMI_DEBUG_PROVIDERS=aws:PORT`.

`servicer` holds the protocol's methods, `resources` turns a request into a `Resource` and an answer
into a state, `differences` decides what a change does, and `autonaming` names what the program does
not. What it does not do: import and `.get()` of what no stack has made, and regions or tags of two
providers over one connection (the engine opens one each).
"""
