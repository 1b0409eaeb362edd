"""Text codecs that change one member and keep every other byte. Pure.

A codec works on text that was decoded from bytes as UTF-8 with `surrogateescape`, so that any bytes go through unchanged.
"""
