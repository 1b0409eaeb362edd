"""The doors to machines: each runs a script, hands it data on standard input, and returns what it printed."""
