#!/bin/bash
# Checks every #include of the project against the house rules in tests/includes.allow:
# a room includes what its line allows, its own headers, and base.
set -eu
top=${DAYSHIFT_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
allow=$top/tests/includes.allow
cd "$top"

allowed() { # ROOM HEADER: is there a pattern for it?
    local room=$1 header=$2 pattern
    case $header in base/* | "$room"/*) return 0 ;; esac
    # shellcheck disable=SC2013 # words of a line
    for pattern in $(sed -n "s/^$room: *//p" "$allow"); do
        # shellcheck disable=SC2254 # patterns are meant to be patterns
        case $header in $pattern) return 0 ;; esac
    done
    return 1
}

bad=0
count=0
while IFS=: read -r file line text; do
    room=${file#src/}
    room=${room#include/}
    room=${room%%/*}
    header=$(sed -n 's/^ *# *include *[<"]\([^>"]*\)[>"].*/\1/p' <<<"$text")
    count=$((count + 1))
    case $header in
    config.h) case $room in cli | daemon) continue ;; esac ;;
    */*) [ -e "src/$header" ] || [ -e "include/$header" ] || continue ;; # the system's
    *) # a library that belongs to one room alone
        owners=$(sed -n "s,^<$header>: *,,p" "$allow")
        [ -n "$owners" ] || continue
        case " $owners " in *" $room "*) continue ;; esac
        ;;
    esac
    if ! allowed "$room" "$header"; then
        echo "$file:$line: '$room' may not include $header"
        bad=$((bad + 1))
    fi
done < <(grep -rnE '^ *# *include' src include --include='*.[ch]')

[ "$count" -gt 100 ] || { echo "only $count includes found: is this the source tree?"; exit 1; }
[ "$bad" -eq 0 ] || { echo "$bad of $count includes break the rules of the house"; exit 1; }
echo "$count includes, all in order"
