"""The kinds: one file each, under the layer they belong to. See `catalogue.py` for how they are found."""
