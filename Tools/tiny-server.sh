# Functions for the checks that need the program, or a running server. Sourced.
# shellcheck shell=bash

# A company's proxy is not for this machine's own servers.
export no_proxy=${no_proxy:+$no_proxy,}127.0.0.1,localhost
export NO_PROXY=$no_proxy

needs_program() { # path of ister
    [ -x "$1" ] && return 0
    echo "$(basename "$0"): there is no program $1: swift build -c release --product ister" >&2
    return 1
}

# A file of the smallest real model, with a chat template that knows tools: FOLDER/tiny.ister. Answers are stories.
make_tiny_model() { # path of ister, folder
    cp -r Tests/GoldenTests/Fixtures/stories260K "$2/checkpoint"
    python3 - "$2/checkpoint/tokenizer_config.json" <<'PYTHON'
import json, sys
path = sys.argv[1]
with open(path) as file:
    config = json.load(file)
config["chat_template"] = (
    '{{ bos_token }}{% if tools %}{{ tools | tojson }}\n<tool_call>{"name": ..., "arguments": ...}</tool_call>\n{% endif %}'
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] or '' }}"
    "{% for call in message.tool_calls or [] %}<tool_call>{{ call.function | tojson }}</tool_call>{% endfor %}\n{% endfor %}"
    "{% if add_generation_prompt %}Once upon a time{% endif %}"
)
with open(path, "w") as file:
    json.dump(config, file)
PYTHON
    "$1" quantize "$2/checkpoint" --preset q8 -o "$2/tiny.ister" --force >"$2/quantize.log" 2>&1 && return 0
    echo "the model was not made:" >&2
    tail -n 5 "$2/quantize.log" >&2
    return 1
}

# Starts a server on a free port of this machine; leaves its process in `server`, its address in `url`. Its messages go
# to FOLDER/server.log. The environment's ISTER_API_KEY, if any, is the key.
start_server() { # path of ister, model, folder, further options
    local ister=$1 model=$2 log=$3/server.log port
    shift 3
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    url=http://127.0.0.1:$port
    "$ister" serve "$model" --port "$port" "$@" >"$log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        # /health is ok once the model is loaded.
        curl -sf -o /dev/null --max-time 2 "$url/health" && return 0
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    kill "$server" 2>/dev/null || true
    echo "the server did not start:" >&2
    tail -n 5 "$log" >&2
    return 1
}

# Ends the server as an operator would. Fails if it does not end well.
stop_server() {
    kill -TERM "$server" 2>/dev/null
    wait "$server"
}
