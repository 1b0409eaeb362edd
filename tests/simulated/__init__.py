"""Programs of the simulated machine, one module each, named like the program (`apt-get`: apt_get).

`run(machine, argv, stdin, user)` does what a task's program does; raises AssertionError where it would fail.
`answer(machine, argv, user)` is what a fact's program prints: a `CommandResult`, or None where there is none.
"""
