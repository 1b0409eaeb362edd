#!/bin/sh
# Applies the changes of one machine: one's own part, then each user's part with that user's rights.
#
# Its text is session.sh and the files of this folder, in the order of agents/__init__.py, with the functions of each in one
# namespace. Started with $agent holding it, PATH set and an environment otherwise empty but for
# HOME. A user's part has arguments: the user's number, then the numbers of the changes that went wrong before.
#
# Reads five lines and a tar archive from stdin, both made by execution/payload.py:
#   reconcile-apply
#   a nonce, which begins every record
#   the root file system to work in: nothing (the running one), a directory, or "." (the current one: a user's part)
#   who applies, and since when, for whoever finds the machine locked
#   the SHA-256 of the archive's "manifest", which digests all else in the archive but for users' parts: they come with
#   such lines and manifests of their own
#
# Prints records, one a line:
#   NONCE change NUMBER STATUS TEXT  STATUS: done, refused, failed, untried, or skipped with a change's number as TEXT
#   NONCE part NUMBER TEXT           this user's part did not start, or not end, and why
#   NONCE note TEXT                  what went wrong beside the changes
#   NONCE stop TEXT                  nothing was written, and why
#   NONCE busy TEXT                  the same, because somebody else is at work here
#   NONCE recovered TEXT             what an earlier run left, and what became of it
#   NONCE start                      from here on something may have been written
#   NONCE watch SECONDS              unless confirm.sh comes within that time, what may cut access is led back
#   NONCE end
#
# Writes in its state folder and at the paths of the tasks, nowhere else (no /tmp). A part writes nothing before the whole
# of its input has matched its digests, nor where something else stands than the plan saw. In order: lock, recovery of what
# dead runs left, the intent in the ledger, all new files staged beside their places and the old bytes kept, all of it
# durable and judged; then the switches, each of which looks at what comes out; then read back.
# Never runs data as code, follows a link at the end of a path, or opens other things than files and directories; as root
# never writes, reads or lists below a directory that somebody else can change.
#
# Processes: 14 to find that all is in place, 18 more to write something, the first time 19; then for each written file up
# to 5 (cp of the old bytes, cp of the new, cp again or chown and chmod, the exchange, and a look at what came out; 7 without
# an exchange), for each program 1, and 12 to write on after it. sync, stat and sha256sum take all files at once. (bash needs
# some more: it forks for each `$(...)`.) A tree costs some 15, and 1 for each link in it.

# shellcheck disable=SC2086  # words are split on purpose, at IFS, without globs
# shellcheck disable=SC2154,SC2034  # eval assigns and reads the numbered variables

set -euf
umask 077
LC_ALL=C
export LC_ALL

newline='
'
# shellcheck disable=SC2016  # that shell expands them
again='agent=$1; shift; eval "$agent"' # for a shell of its own, with the agent's text behind it
nonce='' prefix='' stage='' stopped='' child='' doubts='' unflushed='' unsynced='' dirty='' gone=''
changes='' tasks=0 at=1 attributes='' flaw='' life=''
