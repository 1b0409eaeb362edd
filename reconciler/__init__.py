"""Declarative desired state for workstations of three layers: user, distro, Windows host."""

__version__ = "0.1.0"
