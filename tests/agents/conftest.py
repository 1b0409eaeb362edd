"""The machines that the apply script is tested on."""

from __future__ import annotations

from agents.apply_machine import applets, dash, live_machine, machine, one_live_machine, one_machine, shell

__all__ = ["applets", "dash", "live_machine", "machine", "one_live_machine", "one_machine", "shell"]
