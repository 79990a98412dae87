"""The real Pulumi engine against a simulated AWS: plans and applies a stack as `pulumi up` does.

    with stack_on_engine("dev", folder, api=api) as stack:
        stack.up()                                        # Outcome
        stack.configure({"blue": {"gateway_tag": "0.2.0"}})
        stack.preview().changes                           # {"update": ["LaunchTemplate ..."], ...}
        stack.preview(refresh=True).clean                 # what the nightly drift check asks
        stack.destroy()

`binary` finds the CLI on PATH or builds it from its Go module into `.tools/`
(`python -m ops.offline.pulumi_cli` does that alone), `stack_files` writes the project that it
reads, `workspace` runs it with a file backend in a folder of the caller's, without any network, and
`outcomes` is what it did. The program runs in this process, through Pulumi's Automation API, and
the provider is `ops.offline.plugin`: no plugin is fetched. How a scenario is written stands in
`tests/engine/__init__.py`.
"""
