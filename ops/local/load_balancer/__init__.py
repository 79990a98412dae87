"""The local load balancer: a TLS listener that obeys the listener, rules and weights in moto.

`listener` is the process, `elb_api` reads its orders, `balancer` keeps them fresh and chooses a
target, `routing` decides in pure functions, `proxy` carries requests, `connections` bounds them.
"""
