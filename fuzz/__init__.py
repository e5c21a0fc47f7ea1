"""What looks for inputs that break the server, and what "break" means; ``make fuzz`` runs it for minutes.

``oracles_*.py`` take bytes, give them to a part of the server, and fail where something is not as it always must be.
The tests hand them what hypothesis makes up (``tests/test_fuzz.py``); ``harness.py`` has atheris look for bytes that
lead to code which none before have reached. Nothing here is part of the server.
"""
