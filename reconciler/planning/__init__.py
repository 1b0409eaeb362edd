"""Desired and observed become a plan. Pure: one value in, one value out.

owners (two for one path) · compare (item by item) ──▶ ground (what moves below an item) ──▶ settle (claims)
──▶ changes: fold (edits into files), fingerprint, order ──▶ Plan ──▶ restrict (what is left out)
"""
