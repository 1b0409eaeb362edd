"""Kinds of the distro layer."""
