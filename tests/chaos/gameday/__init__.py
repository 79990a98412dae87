"""Game day: releases that go well and badly on the local stack, with people speaking all the while.

`evening` is the stack, `audience` the people, `acts` what happens, `report` its table.
"""
