"""Bare relays: what a library can do at most, to measure this server against.

Each is a page, written the way a good developer would write a fast relay with that library and nothing more. It speaks
the part of the protocol that the benchmarks use: the hello, ``muc-join``, and ``session-text`` to a client or a room,
acknowledged to its sender. None of them validates, limits, counts, logs or remembers anything, or tells members who
comes and goes. A message to somebody who is not there is acknowledged and dropped.

All are started as ``COMMAND PORT``, listen on 127.0.0.1 (port 0 takes any that is free), print ``ready PORT`` once they
accept connections, and end at SIGTERM. JSON is read and written by what comes with the language, in Node and in Python
alike. They share no code, so that each can be read, and run, on its own.
"""
