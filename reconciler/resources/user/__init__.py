"""Kinds of the user layer."""
