#!/bin/sh
# Fetches a URL until it answers as it should: `sh -c THIS check URL STATUS SECONDS`. STATUS 0: any of success.
#
# Uses     curl, or wget where only success is asked for. Redirects are followed.
# Prints   what it answered last, on stderr.
# Never    writes anything, keeps what it fetched.

url=$1 status=$2 left=$3

attempt() {
  if command -v curl >/dev/null; then
    answer=$(curl -sSL -o /dev/null -w '%{http_code}' --max-time 10 -- "$url" 2>&1) || return 1
    case $status:$answer in
    0:2?? | "$answer:$answer") ;;
    *)
      answer="it answers $answer"
      return 1
      ;;
    esac
  elif [ "$status" = 0 ] && command -v wget >/dev/null; then
    answer=$(wget -q -T 10 -O /dev/null -- "$url" 2>&1) || {
      answer=${answer:-wget gets no success}
      return 1
    }
  else
    echo "curl is needed to try a URL" >&2
    exit 1
  fi
}

until attempt; do
  left=$((left - 1))
  if [ "$left" -le 0 ]; then
    echo "$url: ${answer##*curl: }" >&2
    exit 1
  fi
  sleep 1
done
