"""Scenarios on the real Pulumi engine, with the AWS provider of `ops.offline.plugin` before moto.

`make engine` builds the Pulumi CLI once and runs what is here; `make test` leaves it out. What it
proves: the engine's own plan, order, state and refusals for this program. What it does not: that
AWS, or the real provider, answers as moto and our provider do.

A scenario is a function that takes a world, a stack that is up in a simulated AWS of its own; the
marker `engine` comes by itself::

    def test_a_new_tag_changes_one_colour(dev: World) -> None:
        plan = dev.preview({"blue": {"gateway_tag": "0.2.0"}})     # Outcome; nothing is changed
        assert plan.changes == {"update": ["Group perch-dev-blue", "LaunchTemplate perch-dev-blue"]}

`dev`, `local`, `staging` and `prod` are shared by all scenarios of one process: whoever changes
something there puts it back::

    def test_capacity_turned_by_hand_is_no_drift(dev: World) -> None:
        dev.client("autoscaling").set_desired_capacity(...)
        assert dev.preview(refresh=True).clean

Whoever applies or destroys asks for a world of its own::

    def test_...(new_world: NewWorld) -> None:
        world = new_world("dev", {"blue": {"start_machines": 0}})
        assert not world.up().failure
        assert world.up({"blue": {"gateway_port": 8081}}).failure    # over the stack's own file
        world.destroy(); world.resources(); world.outputs()

`Outcome` (`ops.offline.pulumi_cli.outcomes`) has `changes`, `clean`, `failure`, `messages`,
`steps` in their order, and `step("Group perch-dev-blue").diffs`.
"""
