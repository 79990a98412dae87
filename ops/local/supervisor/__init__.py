"""Processes of a local stack: started, probed, watched, restarted and stopped by one owner.

`supervisor.Supervisor` owns children made from a `ChildSpec`; `launch` binds a child's life to its
parent's; `ports` says whether a port is free and whose it is.
"""
