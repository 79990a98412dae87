"""Who a client is by the token that it shows.

`identity` says what an identity is, and what each authenticator does: `static_tokens` has a list,
`verifier` the tokens of an issuer: JSON Web Tokens, checked by the issuer's keys. `keys` has these
and reads them again as they rotate, `sources` says from where, `algorithms` which may be used.
"""
