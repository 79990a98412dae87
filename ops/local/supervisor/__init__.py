"""Processes of a local stack: started, probed, watched, restarted and stopped by one owner.

`supervisor.Supervisor` owns children made from a `ChildSpec`; `launch` binds a child's life to its
parent's; `records` tells a process from another with its number, and `ports` whose a port is.
"""
