# ister serve as a service: systemd, a model that shrinks, TLS.
# shellcheck shell=bash disable=SC2154

bounded python3 Tools/service-test.py "$ister" "$model" >"$work/out" 2>"$work/err"
report "systemd is told how the service is, and hands it its socket" $?

cp "$model" "$work/kept.ister"
serve
truncate -s 5000 "$model"
ask /v1/completions -H "$json" -d "$story"
answers "a model file that shrinks gives an error, no text" 503 '"code":"model_damaged"'
ask /health
answers "health tells of it" 503 '"code":"model_damaged"'
ended "the server ends with 74" 74 "was changed while in use"
mv "$work/kept.ister" "$model"
if command -v openssl >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
    serve --tls-cert "$work/tls.crt" --tls-key "$work/tls.key"
    status=$(curl -sk --max-time 20 -o "$work/out" -w '%{http_code}' "https://127.0.0.1:$port/health")
    answers "serve speaks TLS" 200 '"status":"ok"'
    kill "$server"
    ended "the server with TLS ends" 0 "drained=0"
    refuses "a certificate that is none" 78 "certificate" serve "$model" --tls-cert "$work/keys" --tls-key "$work/keys"
fi
