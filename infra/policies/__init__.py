"""What must be true of every environment, as a policy pack.

`pulumi preview --policy-pack infra/policies` starts `__main__.py`; `python -m infra.policies.check`
judges a recorded run. Both use the rules of `pack.py`, one file an area. A rule never looks at the
program's code or configuration, only at what was registered, so it holds for changes nobody has
thought of. What is left out on purpose stands in `exemptions.py`.
"""
