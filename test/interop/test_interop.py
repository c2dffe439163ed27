"""Runs the checks against the server that INTEROP_URL, INTEROP_SERVER_PID and JWT_SECRET name; `run` sets these."""

import asyncio
import sys
from importlib import import_module

from checks import run_all

for subject in ("vector", "frame", "session", "conversation", "message", "order", "resume", "watermark"):
    import_module(f"{subject}_checks")

sys.exit(0 if asyncio.run(run_all()) else 1)
