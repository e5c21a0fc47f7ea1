"""How fast this server is, beside bare relays on the same machine: ``python -m benchmarks``, or ``make bench``.

Each contender runs alone on one core, the load generator on another. ``contenders`` starts the servers, ``load`` plays
their clients, ``rounds`` has one measure the other, ``report_*`` tells what came of it. docs/performance.md has the
results, and what they mean. Not part of the wheel.
"""
