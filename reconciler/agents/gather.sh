#!/bin/sh
# Answers the questions of one run about this machine.
#
# Reads    $input (a child: standard input): a line for each identity, its items apart by tabs. The first line is for
#          whoever runs this, each other one for a user, asked in a child with that user's rights. Items are data, never
#          code. session.sh stands in front of this text.
# Prints   blocks: a line end, the line's nonce, a header and a line end, then raw bytes. execution/ knows them.
# Never    writes, creates or changes anything; opens anything but regular files and directories; reads as root below a
#          directory that somebody else can write; runs a program of its own for each file, link or name.
#
# Paths are relative to the root that is looked at, which is the current directory: `./etc/hosts`.
# Every component of every path is a node with a number; `type_7` and its like are what node 7 is.

# shellcheck disable=SC2086  # words are split on purpose: at line ends or tabs, without globs
# shellcheck disable=SC2154,SC2034  # eval assigns and reads the numbered variables
# shellcheck disable=SC2119,SC2120  # functions use positional words of their own
# shellcheck disable=SC2088  # the tilde is the agent's own anchor

set -u
set -f
LC_ALL=C
export LC_ALL
newline='
'
tab='	'
IFS=$newline
limit='' way='' first_0='' bad_0='' open_0='' type_0=none path_0=''

put_names() { printf '%s//' "$@"; }
if [ -n "${KSH_VERSION-}" ]; then # mksh would start /usr/bin/printf each time
  put_names() { for name; do print -rn -- "$name//"; done; }
fi
block() { put "$newline$nonce $1"; }

# ---- who asks

identify() {
  identity=$(id)
  uid=${identity#uid=}
  uid=${uid%%[!0-9]*}
  if [ -z "$user" ]; then
    user=$uid
    case $identity in "uid=$uid("*) user=${identity#*"("} user=${user%%")"*} ;; esac
  fi
}

has_limit() {
  if [ -z "$limit" ]; then
    limit=no
    if timeout -s KILL 5 true 2>/dev/null; then limit=yes; fi
  fi
  [ "$limit" = yes ]
}

keep_entry() {
  case "$tab$names$tab" in *"$tab${1%%:*}$tab"*) entries=$entries$1$newline ;; esac
}

keep_entries_of() {
  while IFS= read -r line || [ -n "$line" ]; do keep_entry "$line"; done <"$1"
}

# The lines of passwd for the names asked for.
look_up_accounts() {
  IFS=$tab
  set -- $names
  IFS=$newline
  if has_program getent; then
    entries=$(getent passwd "$@" </dev/null)
  else
    keep_entries_of ./etc/passwd
  fi
}

# Sets the entry_ variables to what passwd says of a user; fails where it has no such user. The passwd of a root file
# system is somebody's data: a tab in it would be the end of an item.
find_entry() {
  for line in $entries; do
    case $line in
    *"$tab"*) ;;
    "$1":*:*:*:*:*:*)
      IFS=:
      set -- $line
      IFS=$newline
      case $3$4 in *[!0-9]*) return 1 ;; esac
      entry_uid=$3 entry_gid=$4 entry_home=${6-} entry_shell=${7-}
      return 0
      ;;
    esac
  done
  return 1
}

tell_of_host() {
  block host
  put "$(uname -n -r -m)"
  for file in /proc/sys/kernel/random/boot_id /proc/1/stat; do
    line=''
    [ ! -r "$file" ] || IFS= read -r line <"$file"
    put "$line"
  done
  if [ -d /run/WSL ]; then put yes; else put no; fi
  if [ -d /run/systemd/system ]; then put yes; else put no; fi
}

# ---- paths: nodes, links, trust

add_node() { # parent, path
  case $at_rest$2 in ./proc/self | ./proc/self/*) set -- "$1" "./proc/$$${2#./proc/self}" ;; esac
  n=$((n + 1))
  eval "parent_$n=\$1 path_$n=\$2 text_$n= text_known_$n="
  words="$words \"\$path_$n\""
  case $n in *00) all_words=$all_words$words words='' ;; esac # appending to one long text is quadratic
}

# What stat says of a node. `first` is the first link on the way to it, the node itself included: beyond it lies nothing
# that counts. `bad` is the first directory above that somebody else can write, `open` that it is such a directory.
settle() { # node, mode in hexadecimal or nothing, owner, size
  eval "up=\$parent_$1"
  eval "first=\$first_$up bad=\$bad_$up open=\$open_$up"
  [ -n "$bad" ] || [ -z "$open" ] || bad=$up
  open='' type=''
  case $2 in
  8*) type='file' ;;
  a*) type=link first=${first:-$1} ;;
  4*)
    type=directory
    case $uid:$3:$2 in 0:0:??[13579bdf]? | 0:0:???[2367abef] | 0:[!0]*) open=yes ;; esac
    eval "path=\$path_$1"
    # In a user namespace they are nobody's; not even their owner could write them.
    case $at_rest$path in ./proc | ./proc/sys | ./proc/sys/*) open='' ;; esac
    ;;
  ?*) type=other ;;
  esac
  eval "first_$1=\$first bad_$1=\$bad open_$1=\$open type_$1=\$type size_$1=\$4"
}

# Asks for all nodes from $1 on, in one process. It says nothing of those that are missing.
look() {
  doing 'looking at paths'
  node=$1
  [ "$node" -le "$n" ] || return 0
  eval "set -- $all_words$words"
  all_words='' words=''
  found=$(stat -c "$mark%f:%u:%g:%s:%U:%G:%n" -- "$@" 2>&1 </dev/null)
  block stat
  put "$found"
  for line in $found; do
    case $line in
    "$mark"*) take_record "${line#"$mark"}" ;;
    *": No such file or directory" | *": Not a directory" | *": Permission denied") ;;
    *": Too many levels of symbolic links" | *": File name too long") ;;
    *) trouble=yes ;;
    esac
  done
  while [ "$node" -le "$n" ]; do
    settle "$node" '' '' ''
    node=$((node + 1))
  done
}

take_record() {
  mode=${1%%:*} record=${1#*:}
  owner=${record%%:*} record=${record#*:*:}
  size=${record%%:*} record=${record#*:*:*:}
  while [ "$node" -le "$n" ]; do
    eval "path=\$path_$node"
    if [ "$path" = "$record" ]; then
      settle "$node" "$mode" "$owner" "$size"
      node=$((node + 1))
      return
    fi
    settle "$node" '' '' ''
    node=$((node + 1))
  done
}

# The text of the links that questions are held up by, in one process. Root does not read one that others may write.
read_links() {
  links=0 link_words=''
  for question in $active; do
    eval "node=\$end_$question"
    eval "link=\$first_$node"
    [ -n "$link" ] || continue
    eval "known=\$text_known_$link\$bad_$link"
    [ -z "$known" ] || continue
    links=$((links + 1))
    eval "text_known_$link=yes link_$links=\$link"
    link_words="$link_words \"\$path_$link\""
  done
  [ "$links" -gt 0 ] || return 0
  eval "set -- $link_words"
  next=1 link=''
  # The semicolon makes the rest of a text with a line end in it a line that is not empty.
  for line in $(QUOTING_STYLE=literal stat -c "$mark%N;" -- "$@" 2>/dev/null </dev/null); do
    take_link "$line"
  done
  block links
  next=1
  while [ "$next" -le "$links" ]; do
    eval "link=\$link_$next"
    eval "put \"\$path_$link//\$text_$link\""
    next=$((next + 1))
  done
}

take_link() {
  case $1 in
  "$mark"*) ;;
  *) # the rest of a text with a line end in it: not followed
    [ -z "$link" ] || eval "text_$link="
    return 0
    ;;
  esac
  while [ "$next" -le "$links" ]; do
    eval "link=\$link_$next"
    eval "path=\$path_$link"
    next=$((next + 1))
    case $1 in
    "$mark$path -> "*) text=${1#"$mark$path -> "} text=${text%";"} ;;
    "$mark'$path' -> '"*) text=${1#"$mark'$path' -> '"} text=${text%"';"} ;; # busybox
    *) continue ;;
    esac
    eval "text_$link=\$text"
    return
  done
}

# Adds nodes for the path `rest` seen from node `at`. A `..` behind a new node waits until it is known what that is.
expand() {
  IFS=/
  set -- $rest
  while [ $# -gt 0 ]; do
    case $1 in
    '' | .) ;;
    ..)
      [ "$at" -le "$known_nodes" ] || break
      [ "$at" -eq 1 ] || eval "at=\$parent_$at"
      ;;
    *)
      eval "path=\$path_$at"
      add_node "$at" "$path/$1"
      at=$n
      ;;
    esac
    shift
  done
  rest="$*"
  IFS=$newline
}

# One step of a question on its way through links; fails where there is none to make.
advance() {
  eval "node=\$end_$1 rest=\$rest_$1"
  eval "link=\$first_$node"
  if [ -n "$link" ]; then
    eval "text=\$text_$link to=\$path_$node from=\$path_$link at=\$parent_$link"
    [ -n "$text" ] || return 1
    rest=$text${to#"$from"}/$rest
    case $text in /*) at=1 ;; esac
  else
    eval "type=\$type_$node"
    [ "$type" = directory ] || return 1
    at=$node
  fi
  expand
  eval "end_$1=\$at rest_$1=\$rest"
}

pick_active() {
  active=''
  for question in $1; do
    eval "node=\$end_$question rest=\$rest_$question"
    eval "first=\$first_$node"
    [ -z "$first$rest" ] || active=$active$newline$question
  done
}

resolve() {
  look 1
  pick_active "$questions"
  rounds=0
  while [ -n "$active" ] && [ "$rounds" -lt 40 ]; do
    rounds=$((rounds + 1)) known_nodes=$n moved=''
    read_links
    for question in $active; do
      if advance "$question"; then moved=$moved$newline$question; fi
    done
    look "$((known_nodes + 1))"
    pick_active "$moved"
  done
}

add_question() { # node, what is asked: c content, d digest, g Go's build information, l listing, a accounts, m the C library
  eval "flags_$1=\$2 end_$1=\$1 rest_$1="
  questions=$questions$newline$1
}

# An item is `PARENT FLAGS PATH`: parents are numbers of earlier items, 0 the root, ~ the home.
add_items() {
  add_node 0 .
  at=1 rest=$home known_nodes=1
  expand
  home_node=$at base=$n
  for item; do
    case $item in [0-9~]*) ;; *) continue ;; esac
    parent=${item%% *} item=${item#* }
    flags=${item%% *} path=${item#* }
    case $parent:$path in
    *:'~') eval "parent=\$parent_$home_node path=\$path_$home_node" ;;
    '~':*) eval "parent=$home_node path=\$path_$home_node\${path#'~'}" ;;
    *:'~/'*) eval "parent=$((base + parent)) path=\$path_$home_node\${path#'~'}" ;;
    0:.) ;;
    0:*) parent=1 ;;
    *) parent=$((base + parent)) ;;
    esac
    add_node "$parent" "$path"
    case $flags in .) ;; *) add_question "$n" "$flags" ;; esac
  done
}

# Names that may be the C library, up to the first glibc that is surely a file. Links are followed as all others.
add_libc() {
  set +f
  set -- ./lib/ld-musl-*.so.1 ./usr/lib/*/libc.so.6 ./usr/lib*/libc.so.6 ./lib/*/libc.so.6 ./lib*/libc.so.6
  set -f
  for candidate; do
    [ -e "$candidate" ] || [ -L "$candidate" ] || continue
    at=1 rest=$candidate known_nodes=1
    expand
    add_question "$at" m
    case $candidate in */libc.so.6) [ ! -f "$candidate" ] || [ -L "$candidate" ] || break ;; esac
  done
}

# ---- what is read

# Files of the kernel have no size, or a wrong one. head reads them all; the shell itself cannot: dash asks for one byte
# at a time, and /proc/sys has no second.
send_kernel_files() {
  [ -n "$kernel_files" ] || return 0
  set -- $kernel_files
  block kernel-files
  put "$kernel_files"
  block kernel
  { errors=$(head -v -c 1048577 -- "$@" 2>&1 >&3 </dev/null); } 3>&1
  block kernel-errors
  put "$errors"
}

list_directory() {
  block "list $1"
  for pattern in '*' '.[!.]*' '..?*'; do
    set +f
    IFS=''
    set -- "$1" "$1"/$pattern
    IFS=$newline
    set -f
    directory=$1
    shift
    if [ -e "$1" ] || [ -L "$1" ]; then put_names "$@"; fi
    set -- "$directory"
  done
}

is_small() { # not over 1 MiB; numbers of more than 32 bits are too much for some shells
  case $1 in ????????*) return 1 ;; esac
  [ "$1" -le 1048576 ]
}

choose_file() {
  if [ ! -r "$path" ]; then
    denied=$denied$newline$path
    return
  fi
  case $at_rest$path in
  ./proc/kmsg | */trace_pipe) return ;; # they never end
  ./proc/* | ./sys/*)
    kernel_files=$kernel_files$newline$path
    return
    ;;
  esac
  if is_small "$size" && [ "$budget" -gt "$size" ]; then
    budget=$((budget - size))
    add_word "$node"
  fi
}

add_word() {
  words="$words \"\$path_$1\"" word_count=$((word_count + 1))
  case $word_count in *00) all_words=$all_words$words words='' ;; esac
}

# Why a path is missing: a parent that may not be searched, or a file system that fails.
explain_missing() { # node
  below=$1
  while :; do
    eval "up=\$parent_$below"
    eval "type=\$type_$up path=\$path_$up"
    [ -z "$type" ] || break
    below=$up
  done
  if [ "$type" = directory ] && [ ! -x "$path" ]; then
    closed=$closed$newline$path
  elif [ -n "$trouble" ]; then
    eval "path=\$path_$below"
    block "odd $path"
    stat -c %f -- "$path" 2>&1 </dev/null
  fi
}

answer_question() {
  eval "node=\$end_$1 rest=\$rest_$1 flags=\$flags_$1"
  eval "type=\$type_$node first=\$first_$node bad=\$bad_$node path=\$path_$node size=\$size_$node"
  if [ -n "$first" ]; then return; fi
  if [ -z "$type" ]; then
    [ "$flags" = m ] || explain_missing "$node"
    return
  fi
  if [ -n "$bad$rest" ]; then return; fi
  case $flags:$type in
  *m*:file) libc_words="$libc_words \"\$path_$node\"" ;;
  *c*:file) choose_file ;;
  *l*:directory) if [ -r "$path" ]; then list_directory "$path"; else denied=$denied$newline$path; fi ;;
  esac
  case $flags:$type in *a*:file) [ ! -r "$path" ] || keep_entries_of "$path" ;; esac
  case $flags:$type in
  *[dg]*:file)
    if [ ! -r "$path" ]; then
      denied=$denied$newline$path
      return
    fi
    case $flags in *d*) digest_words="$digest_words \"\$path_$node\"" ;; esac
    case $flags in *g*) go_words="$go_words \"\$path_$node\"" ;; esac
    ;;
  esac
}

answer_questions() {
  denied='' closed='' kernel_files='' libc_words='' words='' all_words='' budget=50331648 word_count=0
  digest_words='' go_words=''
  for question in $questions; do answer_question "$question"; done
  block denied
  put "$denied"
  block closed
  put "$closed"
  send_kernel_files
  [ -z "$wants_libc" ] || find_libc
  [ -z "$digest_words" ] || send_digests
  [ -z "$go_words" ] || send_go_builds
}

send_digests() {
  doing 'digesting files'
  block digests
  eval "set -- $digest_words"
  sha256sum -- "$@" 2>/dev/null </dev/null
}

# Go writes what a program was built from into it as lines of text, behind sixteen bytes that mark them.
send_go_builds() {
  doing 'looking into Go programs'
  block go-builds
  eval "set -- $go_words"
  text_flag=-a
  grep -a . /dev/null 2>/dev/null </dev/null
  [ $? = 1 ] || text_flag=-s # busybox takes everything for text
  marked=$(printf '\301\007\346\326\030\346path')
  grep $text_flag -o -H -e "$marked${tab}[!-~]*" -e "^mod${tab}[!-~]*${tab}[!-~]*" -- "$@" 2>/dev/null </dev/null
}

find_libc() {
  block libc
  eval "set -- $libc_words"
  [ $# -eq 0 ] || sed -n 's/.*GNU C Library .* release version \([0-9][0-9]*\.[0-9][0-9]*\).*/glibc \1/p' "$@" </dev/null
  for file; do
    case $file in *ld-musl-*) put musl ;; esac
  done
}

send_contents() {
  eval "set -- $all_words$words"
  [ $# -gt 0 ] || return 0
  if ! has_program tar; then
    block no-tar
    return
  fi
  block tar
  doing 'reading files'
  tar -c -f - -- "$@" </dev/null
  block "tar-code $?"
}

# ---- programs and sessions

# Whether a program of that name can be started; what the shell itself knows by that name does not count.
has_program() {
  case $1 in */*)
    [ -f "$1" ] && [ -x "$1" ]
    return
    ;;
  esac
  IFS=:
  for directory in $PATH; do
    if [ -f "$directory/$1" ] && [ -x "$directory/$1" ]; then
      IFS=$newline
      return 0
    fi
  done
  IFS=$newline
  return 1
}

# Runs the words collected so far: five seconds, 1 MiB, nothing to read.
run_command() {
  set --
  word=0
  while [ "$word" -lt "$word_count" ]; do
    word=$((word + 1))
    eval "set -- \"\$@\" \"\$word_$word\""
  done
  word_count=0
  block command
  doing "running $1"
  if ! has_program "$1"; then
    block command-missing
  elif has_limit; then
    {
      timeout -s KILL 5 "$@" </dev/null 2>/dev/null
      block "command-code $?"
    } | timeout -s KILL 6 head -c 1048640
  else
    block command-no-limit
  fi
}

# Where the standard PATH has programs, by name.
tell_of_programs() {
  block programs
  places=$PATH
  [ -z "$at_rest" ] || places=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  IFS=$tab
  set -- $program_names
  for name; do
    IFS=:
    for directory in $places; do
      if { [ -f ".$directory/$name" ] && [ -x ".$directory/$name" ]; } ||
        { [ -n "$at_rest" ] && [ -L ".$directory/$name" ]; }; then
        put "$name//$directory/$name"
        break
      fi
    done
  done
  IFS=$newline
}

# The variables that a fresh login shell hands to programs. Start-up files may print, hang, or leave something running
# that keeps the pipe open: so its end is a line, and no program that looks a line ahead reads it.
ask_login_shell() {
  block "login $shell"
  doing "asking the login shell of $user"
  case $shell in */nologin | */false | */sync | */halt | */shutdown)
    block login-none
    return
    ;;
  esac
  if ! has_limit; then
    block login-no-limit
    return
  fi
  [ -x "$shell" ] || return 0
  # shellcheck disable=SC2016  # the shells that are started expand these
  ask='for _ask in $RECONCILE_NAMES; do
    if eval "[ -n \"\${$_ask+set}\" ]"; then eval "printf \"\\n%s %s\\n%s\" \"\$RECONCILE_MARK\" \"\$_ask\" \"\${$_ask}\""; fi
    done; printf "\n%s end\n" "$RECONCILE_MARK"'
  {
    cd -- "$home" 2>/dev/null || :
    # shellcheck disable=SC2016
    timeout -s KILL 5 env -i HOME="$home" USER="$user" LOGNAME="$user" SHELL="$shell" TERM=dumb PATH="$PATH" \
      RECONCILE_MARK="$mark" RECONCILE_NAMES="$login_names" RECONCILE_ASK="$ask" \
      "$shell" -l -c 'exec /bin/sh -c "$RECONCILE_ASK"' </dev/null 2>/dev/null
    put "$newline$mark over"
  } | {
    heard=''
    while IFS= read -r line; do
      case $line in
      "$mark over") break ;;
      "$mark "*) heard=yes ;;
      esac
      [ -z "$heard" ] || put "$line"
    done
  }
}

# Sessions count only while something written waits for them. The patterns do not match this text itself; the second
# one is for the servers of VS Code and its kin.
tell_of_processes() {
  waiting=''
  for record in $effects; do
    case $record in '~/'*) record=$home/${record#??} ;; esac
    [ ! -f ".$record" ] || waiting=yes
  done
  [ -n "$waiting" ] || return 0
  set +f
  set -- /proc/[0-9]*
  set -f
  stat_files='' command_files=''
  for line in $(stat -c %u:%n -- "$@" 2>/dev/null </dev/null); do
    case $line in "$uid":*)
      stat_files=$stat_files$newline${line#*:}/stat
      command_files=$command_files$newline${line#*:}/cmdline
      ;;
    esac
  done
  block processes
  cat -- $stat_files 2>/dev/null </dev/null
  block editors
  grep -l -e 'server-main[.]js' -e 'code[-]server' -- $command_files 2>/dev/null </dev/null
}

# ---- sections

refuse() {
  block refused
  put "$1"
  block end
}

read_items() {
  for item; do
    value=${item#* }
    case $item in
    [0-9~]*) ;;
    'nonce '*) nonce=$value ;;
    'mark '*) mark=$value ;;
    'root '*) at_rest=yes root=$value ;;
    'stay') at_rest=yes root=. ;;
    'user '*) user=$value ;;
    'home '*) home=$value ;;
    'shell '*) shell=$value ;;
    'uid '*) expected_uid=$value ;;
    'account '*) names=$names$tab$value ;;
    'login '*) login_names="$login_names $value" ;;
    'program '*) program_names=$program_names$tab$value ;;
    'effects '*) effects=$effects$newline$value ;;
    'host') wants_host=yes ;;
    'libc') wants_libc=yes ;;
    esac
  done
}

# Of those who are asked themselves: a child was told all this.
complete_identity() {
  if [ -n "$at_rest" ]; then
    [ -n "$home" ] || home=/root
    return
  fi
  names=$user$names
  look_up_accounts
  if find_entry "$user"; then
    [ -n "$home" ] || home=$entry_home
    shell=$entry_shell
  fi
  [ -n "$home" ] || home=/root
}

answer() {
  at_rest='' root=/ uid='' user='' home='' shell='' expected_uid='' entries='' names='' login_names=''
  program_names=''
  wants_host='' wants_libc='' effects='' word_count=0 n=0 words='' all_words='' trouble=''
  IFS=$tab
  set -- $1
  IFS=$newline
  read_items "$@"
  for tool in cat head id sed stat uname; do
    if ! command -v "$tool" >/dev/null; then
      refuse "there is no $tool here"
      return
    fi
  done
  identify
  if [ -n "$expected_uid" ] && [ "$uid" != "$expected_uid" ]; then
    refuse "the machine gave the rights of user $uid instead of $expected_uid"
    return
  fi
  if [ "$root" != . ] && ! cd -- "$root" 2>/dev/null; then
    refuse "no directory to look at: $root"
    return
  fi
  if [ ! -x . ]; then
    refuse "$user may not look into the root file system"
    return
  fi
  [ -n "$expected_uid" ] || complete_identity
  block begin
  put "$uid$newline$user$newline$$$newline$home"
  [ -z "$wants_host" ] || tell_of_host
  questions=''
  add_items "$@"
  [ -z "$wants_libc" ] || add_libc
  resolve
  answer_questions
  if [ -n "$names" ]; then
    block accounts
    put "$entries"
  fi
  [ -z "$program_names" ] || tell_of_programs
  [ -z "$login_names" ] || ask_login_shell
  [ -z "$effects" ] || tell_of_processes
  send_contents
  answer_commands "$@"
  block end
}

answer_commands() {
  word_count=0
  for item; do
    case $item in
    'word '*)
      word_count=$((word_count + 1))
      eval "word_$word_count=\${item#* }"
      ;;
    run) run_command ;;
    esac
  done
}

choose_way() {
  [ -z "$way" ] || return 0
  if [ "$uid" != 0 ]; then
    way=oneself
  elif setpriv --reuid "$entry_uid" --regid "$entry_gid" --clear-groups --no-new-privs -- true 2>/dev/null; then
    way=setpriv
  elif [ -n "$at_rest" ]; then
    way=none
  elif has_program runuser; then
    way=runuser
  elif has_program su; then
    way=su
  else
    way=none
  fi
}

# Asks a user's section in a child. What it prints passes through cat, so that nothing it leaves running can go on
# writing between the answers of others.
answer_for_user() {
  section=$1
  IFS=$tab
  set -- $1
  IFS=$newline
  nonce=${1#* } name=${2#* }
  if [ -z "$at_rest" ] && [ "$uid" != 0 ]; then
    if [ "$name" = "$user" ]; then
      (answer "home $home${tab}shell $shell${tab}uid $uid$tab$section")
    else
      refuse 'needs root'
    fi
    return
  fi
  if ! find_entry "$name"; then
    refuse "there is no user $name here"
    return
  fi
  choose_way
  if [ "$way" = none ]; then
    refuse "nothing here runs a program with the rights of $name: install setpriv (util-linux)"
    return
  fi
  case $entry_home in
  [!/]* | '')
    refuse "passwd gives $name no home directory"
    return
    ;;
  esac
  [ "$way" != oneself ] || entry_uid=$uid
  items="home $entry_home${tab}shell $entry_shell${tab}uid $entry_uid$tab$section"
  set -- sh -c "$agent"
  case $way:$at_rest in
  setpriv:) set -- setpriv --reuid "$entry_uid" --regid "$entry_gid" --init-groups --no-new-privs -- "$@" ;;
  setpriv:*) set -- setpriv --reuid "$entry_uid" --regid "$entry_gid" --clear-groups --no-new-privs -- "$@" ;;
  runuser:*) set -- runuser -u "$name" -- "$@" ;;
  su:*) set -- su -s /bin/sh "$name" -c "$agent" ;;
  esac
  set -- env -i PATH="$PATH" part=user alive="$alive" "$@"
  if has_limit; then
    put "$items" | timeout -s KILL 60 "$@" | timeout -s KILL 60 cat
  else
    put "$items" | "$@" | cat
  fi
}

[ -z "$is_part" ] || input=$(cat)
asked=''
for one_section in $input; do
  if [ -z "$asked" ]; then
    asked=yes
    answer "$one_section"
  else
    answer_for_user "$one_section"
  fi
done
offer_root
end_signs
