# ister serve and bench-serve: settings, answers, keys.
# shellcheck shell=bash disable=SC2154

refuses "a load test without a server" 74 "127.0.0.1:1" bench-serve http://127.0.0.1:1
refuses "a load test of no URL" 64 "ftp" bench-serve ftp://x
refuses "a load test with clients and a rate" 64 "--rate" bench-serve http://127.0.0.1:1 --clients 2 --rate 3
refuses "a rate that no clock can keep" 64 "--rate" bench-serve http://127.0.0.1:1 --rate 1e-20
printf 'sk-one\nsk-two\n' >"$work/key"
refuses "a key of two lines" 78 "$work/key" bench-serve http://127.0.0.1:1 --api-key-file "$work/key"
! grep -q "sk-" "$work/err"
report "which is not told" $?
rm "$work/key"
python3 -c 'import socket
listening, held = socket.create_server(("127.0.0.1", 0)), []
print(listening.getsockname()[1], flush=True)
while True:
    held.append(listening.accept()[0])
    held[-1].recv(1 << 16)
    held[-1].sendall(b"HTTP/1.1 200 OK\r\n\r\n")' >"$work/port" 2>/dev/null 3>&- &
server=$!
for _ in $(seq 100); do
    [ -s "$work/port" ] && break
    sleep 0.1
done
refuses "an answer that stalls" 74 "timeout" bench-serve "http://127.0.0.1:$(cat "$work/port")" --model x --timeout 1
kill "$server"
wait "$server" 2>/dev/null
server=
rm "$work/port"

json='content-type: application/json'
story='{"model":"tiny","prompt":"Once upon a time","max_tokens":12,"temperature":0}'
JOURNAL_STREAM=1:1 serve # its stderr is not the journal
ask /v1/completions -H "$json" -d "$story"
answers "serve continues the story" 200 '"text":", there was a little girl'
ask /v1/models
answers "serve lists its model" 200 '"id":"tiny"'
ask /nothing
answers "an unknown URL has the API's form" 404 '^\{"error":\{"message":".*","type":"invalid_request_error","param":null,"code":"unknown_url"\}\}$'
ask /metrics
answers "serve counts its tokens" 200 '^ister_generation_tokens_total\{model_name="tiny"\} 12$'
load=(bench-serve "http://127.0.0.1:$port" --clients 2 --requests 2 --prompt-tokens 8 --answer-tokens 4)
succeeds "a load test" "${load[@]}" -o json
prints "its keys are vLLM's" '"completed":2,"failed":0,.*"mean_ttft_ms":[0-9]'
run "${load[@]}" -o json --long-prompt 100000
[ "$code" = 74 ] && grep -q '"completed":2,' "$work/out" && grep -q '"long_prompt_error":"status 400' "$work/out" &&
    grep -q "the long prompt failed" "$work/err"
report "a load test tells that its long prompt failed, and all the rest" $?
refuses "a busy port" 69 "in use" serve "$model" --port "$port"
kill "$server"
ended "SIGTERM ends the server" 0 "drained=0"
! grep -q '^<' "$work/log"
report "priorities are the journal's alone" $?
refuses "a host that is none" 69 "cannot listen on nosuch.invalid" serve "$model" --host nosuch.invalid --no-auth
refuses "an address that others reach without keys" 64 "--no-auth" serve "$model" --host 0.0.0.0
refuses "serving a missing file" 66 "none.ister" serve "$work/none.ister" --port 0
refuses "serving nothing" 64 "Give a model" serve
ISTER_PORT=x refuses "a wrong value in the environment" 78 "ISTER_PORT" serve "$model"
refuses "a file of settings that is not there" 78 "none.json" serve "$model" --config "$work/none.json"
ISTER_CONFIG='' succeeds "an empty name of that file is none" serve "$model" --print-config
echo '{"prot": 1}' >"$work/config"
refuses "an unknown setting in a file" 78 "prot" serve "$model" --config "$work/config"
echo '{"port": 1234, "queue": 5}' >"$work/config"
ISTER_PORT=1235 ISTER_API_KEY=not-for-everyone succeeds "serve prints its settings" serve "$model" --config "$work/config" --print-config
prints "the environment comes before the file" '^port +1235  \(environment ISTER_PORT\)$'
prints "the file comes before the default" '^queue +5  \(file .*config\)$'
prints "a secret is not printed" '^api-key +\*+  \(environment ISTER_API_KEY\)$'

bounded "$ister" key alice --scope inference >"$work/keys" 2>"$work/err"
grep -qE '^\{"name":"alice","sha256":"[0-9a-f]{64}","scopes":\["inference"\]\}$' "$work/keys"
report "key makes a line" $?
key=$(sed -nE 's/.*shown only now: //p' "$work/err")
chmod 644 "$work/keys"
refuses "keys that others can read" 78 "chmod 600" serve "$model" --key-file "$work/keys"
chmod 600 "$work/keys"
serve --key-file "$work/keys"
ask /v1/completions -H "$json" -d "$story"
answers "without a key there is no answer" 401 '"code":"invalid_api_key"'
ask /v1/completions -H "$json" -d "$story" -H "Authorization: Bearer $key"
answers "with a key there is one" 200 '"completion_tokens":12'
ask /metrics -H "Authorization: Bearer $key"
answers "a key opens its scopes only" 403 'insufficient_scope'
bounded "$ister" key bob 2>"$work/err" >>"$work/keys"
bob=$(sed -nE 's/.*shown only now: //p' "$work/err")
kill -HUP "$server"
for _ in $(seq 50); do
    ask /metrics -H "X-Api-Key: $bob"
    [ "$status" = 200 ] && break
    sleep 0.1
done
answers "SIGHUP reads the keys again" 200 '^ister_http_connections'
echo '{' >>"$work/keys"
kill -HUP "$server"
sleep 0.3
ask /metrics -H "X-Api-Key: $bob"
answers "a wrong key file leaves the keys as they are" 200 '^ister_http_connections'
! grep -q "$key\|$bob\|Once upon" "$work/log"
report "the log has neither keys nor prompts" $?
kill "$server"
ended "the server with keys ends" 0 "keys stay as they were"
