"""Real processes under load while they are killed and their servers restarted: nothing may be lost or done twice.

The test is ``test_nothing_lost.py``; ``python -m tests.chaos --minutes 10`` runs the same for longer.
"""
