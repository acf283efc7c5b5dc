"""A stand-in for the Kubernetes API server: real protocol, objects from a store in memory.

    cli → server → (resource routes | discovery | control) → (lists | watch) → views → store

`store.Store` holds the objects and knows no HTTP; `server.create_app` makes an aiohttp
application around one; `server.serving` runs it on an address. See `store` for who may change
objects and from where.
"""
