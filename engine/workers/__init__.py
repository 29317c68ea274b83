"""Runs other people's code in processes of their own, so that nothing it does reaches the executor."""

from engine.workers.pool import Workers
from engine.workers.protocol import Ending, Language, Ran, Run

__all__ = ["Ending", "Language", "Ran", "Run", "Workers"]
