"""Kinds that several layers have."""
