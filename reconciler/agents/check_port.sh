#!/bin/sh
# Tries to connect to a TCP port until it answers: `sh -c THIS check HOST PORT SECONDS`. Ends with 0 once it does.
#
# Uses     bash, nc or curl, whichever is there first; each attempt has a second or two.
# Prints   why not, on stderr.
# Never    writes anything, sends a byte.

host=$1 port=$2 left=$3

attempt() {
  if command -v bash >/dev/null; then
    # shellcheck disable=SC2016  # bash expands these
    timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/$2"' connect "$host" "$port" 2>/dev/null
  elif command -v nc >/dev/null; then
    timeout 2 nc -w 2 "$host" "$port" </dev/null >/dev/null 2>&1 # not every nc knows -z
    case $? in 0 | 124 | 143) ;; *) return 1 ;; esac
  elif command -v curl >/dev/null; then
    curl -s --max-time 2 --connect-timeout 2 "telnet://$host:$port" </dev/null >/dev/null 2>&1
    case $? in 0 | 28 | 49) ;; *) return 1 ;; esac
  else
    echo "bash, nc or curl is needed to try a port" >&2
    exit 1
  fi
}

until attempt; do
  left=$((left - 1))
  if [ "$left" -le 0 ]; then
    echo "nothing answers on $host port $port" >&2
    exit 1
  fi
  sleep 1
done
