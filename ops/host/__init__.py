"""`perch host`: one GPU machine, reached by SSH without a key that anybody keeps.

`machines` finds it, `tunnel` leads to its port 22, `connection` proves who it is and who we are,
`words` has what is run there, `bundle` gathers a diagnosis, `here` stands in on this machine.
"""
