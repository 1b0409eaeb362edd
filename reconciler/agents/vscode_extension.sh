#!/bin/sh
# Installs or removes one extension of a VS Code server, and reads back whether that came true.
#
# Started as `sh -c THIS vscode_extension ACTION SERVER EXTENSIONS ID VERSION WHAT`.
#   ACTION      install or uninstall
#   SERVER      the server's folder, whose newest program is used; or the program itself
#   EXTENSIONS  the folder that holds extensions.json
#   VERSION     the one that must be there afterwards; nothing: any
#   WHAT        what the program is told: an id, id@version, or the path of a VSIX file
#
# The program ends with 0 when it refuses a downgrade: so `--force`, and what extensions.json says counts.
# Prints  why it did not work, on stderr.
# Never   writes anything itself.

action=$1 server=$2 extensions=$3 id=$4 version=$5 what=$6

program=''
if [ -d "$server" ]; then
  set +f
  # The second is Cursor's, which has a folder for the platform above.
  for candidate in "$server"/bin/*/bin/*server* "$server"/bin/*/*/bin/*server* \
    "$server"/cli/servers/*/server/bin/*server*; do
    [ -f "$candidate" ] && [ -x "$candidate" ] || continue
    if [ -z "$program" ] || [ "$candidate" -nt "$program" ]; then program=$candidate; fi
  done
else
  program=$server
fi
if [ -z "$program" ]; then
  echo "$server holds no server that could install it: connect to this machine from the editor once" >&2
  exit 1
fi

listed() { # whether extensions.json has it, in that version where one is asked for
  [ -f "$extensions/extensions.json" ] || return 1
  # Each entry begins with its identifier; ids are in lower case there.
  tr -d '\n' <"$extensions/extensions.json" | sed 's/{ *"identifier"/\n&/g' | grep -i "\"id\" *: *\"$id\"" |
    grep -q "\"version\" *: *\"$version"
}

said=$("$program" --extensions-dir "$extensions" "--$action-extension" "$what" --force 2>&1 </dev/null) || {
  printf '%s\n' "$said" >&2
  exit 1
}
version=${version:+$version\"}
case $action in
install) listed && exit 0 ;;
*) listed || exit 0 ;;
esac
printf '%s\n' "$said" >&2
echo "$program ended well, and $extensions/extensions.json does not show it" >&2
exit 1
