"""Who a client is by the token of an issuer: a JSON Web Token, checked by the issuer's keys.

`verifier` decides about one token, `keys` has the keys and reads them again as they rotate,
`sources` says from where, `algorithms` which may be used.
"""
