#!/bin/sh
# systemctl for the systemd of whoever runs this, who need not have come by a login: `sh -c THIS systemctl WORDS...`.

XDG_RUNTIME_DIR=/run/user/$(id -u)
export XDG_RUNTIME_DIR
exec systemctl --user "$@"
