"""The simulated AWS of this machine: moto behind a guard that takes signed requests alone.

`server` runs it (`python -m ops.offline.simulator.server`), `moto_patches` closes moto's gaps,
`guard` and `sigv4` keep strangers out, `credentials` is the access key of a run and `sessions`
makes boto3 sessions that use it and nothing of the person's. Nothing here needs Pulumi.
"""
