"""The tests of JSONgle-Server; ``test_X.py`` tests ``jsongle_server/X.py``."""
