"""The load generator: one process that plays all the clients of one measurement, and measures.

It must never be what is measured: one epoll loop over raw sockets, client frames built beforehand, received bytes
walked by frame headers. ``python -m benchmarks.load`` runs one measurement and prints it as JSON.
"""
