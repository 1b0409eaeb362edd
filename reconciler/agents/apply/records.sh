# shellcheck shell=sh
# Text, and what is told.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS
# shellcheck disable=SC1003  # that is a backslash

encode() { # $1 in one line: $encoded
  encoded='' rest=$1
  while :; do
    case $rest in
    *[\\"$newline"]*)
      head=${rest%%[\\"$newline"]*}
      rest=${rest#"$head"}
      case $rest in
      \\*) encoded=$encoded$head'\\' ;;
      *) encoded=$encoded$head'\n' ;;
      esac
      rest=${rest#?}
      ;;
    *)
      encoded=$encoded$rest
      return
      ;;
    esac
  done
}

decode() { # the reverse: $decoded
  decoded='' rest=$1
  while :; do
    case $rest in
    *\\*)
      decoded=$decoded${rest%%\\*}
      rest=${rest#*\\}
      case $rest in
      n*) decoded=$decoded$newline ;;
      *) decoded=$decoded\\ ;;
      esac
      rest=${rest#?}
      ;;
    *)
      decoded=$decoded$rest
      return
      ;;
    esac
  done
}

emit() { # a record; it begins a line of its own whatever was printed before
  encode "$2"
  put "$newline$nonce $1 $encoded" 2>/dev/null || :
}

give_up() { # before anything was written
  emit stop "$1"
  exit 65
}

reason() { # the system's own words at the end of the error message $1: $why
  why=${1##*: }
  why=${why:-no reason was given}
  [ -z "$stopped" ] || why=interrupted
}

plain_words() { # tar's own way to say it in $why
  case $why in *'Wrote only'*) why='No space left on device' ;; esac
}
