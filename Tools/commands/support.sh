# Functions of check-commands: what a command must do, and a server. Sourced.
# shellcheck shell=bash disable=SC2154

passed=0
failed=0

report() { # name, 0 when it holds
    last=$1
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "check-commands: failed: $1" >&2
        sed 's/^/    /' "$work/out" "$work/err" | cut -c1-300 | head -n 6 >&2
    fi
}

bounded() { # command: what does not end fails with 124 and is named, instead of holding up all
    timeout --foreground --kill-after 5 120 "$@"
}

run() { # arguments of ister; leaves out, err and code
    bounded "$ister" "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
}

succeeds() { # name, arguments
    local name=$1
    shift
    run "$@"
    report "$name" "$code"
}

# A refusal says one line on stderr and nothing on stdout.
refuses() { # name, exit code, words of the message, arguments
    local name=$1 wanted=$2 words=$3
    shift 3
    run "$@"
    [ "$code" = "$wanted" ] && [ ! -s "$work/out" ] && [ "$(wc -l <"$work/err")" = 1 ] &&
        grep -q "^ister: error\[$wanted\]: " "$work/err" && grep -qF -- "$words" "$work/err"
    report "$name" $?
}

prints() { # name, extended regular expression that stdout holds
    grep -qE -- "$2" "$work/out"
    report "$1" $?
}

# The server: a free port, which its log tells.
serve() { # options
    : >"$work/log" # else the port may be read from the log of the server before
    "$ister" serve "$model" --port 0 --cache-memory 16M "$@" >"$work/out" 2>"$work/log" </dev/null 3>&- &
    server=$!
    port=
    for _ in $(seq 100); do
        port=$(sed -nE 's/.* at https?:.*:([0-9]+)$/\1/p' "$work/log")
        [ -n "$port" ] && return
        sleep 0.1
    done
}
ask() { # path, options of curl; leaves out and status
    local path=$1
    shift
    status=$(curl -s --max-time 20 -o "$work/out" -w '%{http_code}' "http://127.0.0.1:$port$path" "$@" 2>"$work/err")
}
answers() { # name, status, extended regular expression of the body
    [ "$status" = "$2" ] && grep -qE -- "$3" "$work/out"
    report "$1" $?
}
ended() { # name, exit code, words of the log
    for _ in $(seq 600); do
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$server" 2>/dev/null
    wait "$server"
    code=$?
    server=
    [ "$code" = "$2" ] && grep -qF -- "$3" "$work/log"
    report "$1" $?
}
