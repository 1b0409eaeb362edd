"""Files of our own that shells read when they start: directories of PATH, and variables with literal values.

    members   what such a file says, by name       names    variables that shells keep for themselves
    posix     for sh and its kin                   fish     for fish

A file is written anew from its members, so the same members are the same bytes. It prints nothing, runs no program, does
not stop under `set -eu`, and may be read again and again. A directory that PATH has already stays where it is: what was
put in front of it since, such as a virtual environment, stays in front. Only where a session begins (`posix.ANEW`, or a
login of fish) are our directories taken out and put in their places, whatever other start-up files made of them before.
"""
