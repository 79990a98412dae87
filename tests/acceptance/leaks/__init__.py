"""Everything that comes out of Perch, searched for every secret that was put into it.

`secrets` makes them, `search` finds them in whatever form, `places` gathers what comes out.
"""
