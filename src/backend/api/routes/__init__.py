"""The endpoints, one module a noun: each takes a request apart, calls one service, and answers."""
