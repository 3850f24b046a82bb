# ister eval.
# shellcheck shell=bash disable=SC2154

# Evaluation: wrong vocabularies, corrupt items, runs that are killed.
succeeds "a model with another vocabulary" quantize Tests/GoldenTests/Fixtures/mistral-no-window --preset q8 -o "$work/other.ister"
refuses "a reference with another vocabulary" 65 "vocabulary has" eval kld "$model" --reference "$work/other.ister" --text $text
succeeds "a base file" eval kld "$model" --reference "$model" --text $text -c 64 --chunks 2 --write-base "$work/base" --json
prints "a model is no divergence from itself" '"kld":\{"mean":0(\.0)?,'
refuses "a base file of another vocabulary" 65 "vocabulary has" eval kld "$work/other.ister" --base "$work/base"
item() { # id
    echo "{\"id\":\"$1\",\"task\":\"mine\",\"question\":\"Who is $1?\",\"choices\":[\"a girl called $1\",\"a dog\"],\"answer\":0}"
}
for index in $(seq 24); do item "$index"; done >"$work/mine.jsonl"
{ item 1 && echo '{"id":"2","task":' && item 3; } >"$work/corrupt.jsonl"
refuses "a corrupt item" 65 "corrupt.jsonl: line 2: " eval tasks "$model" --suite "$work/corrupt.jsonl"
succeeds "a run in one go" eval tasks "$model" --suite "$work/mine.jsonl" -o "$work/whole.run" --json
prints "a run has its keys" '^\{"model":\{.*"suites":\[\{"suite":"mine","items":24,"shots":0,"main":"acc","acc":[0-9.]+,.*"flips":null\}\],"seconds":'
refuses "a run is not replaced" 73 "--resume" eval tasks "$model" --suite "$work/mine.jsonl" -o "$work/whole.run"
length() { stat -c %s "$work/parts.run" 2>/dev/null || echo 0; }
killed=0
while :; do # each round is killed at some moment after it has written something
    before=$(length)
    "$ister" eval tasks "$model" --suite "$work/mine.jsonl" -o "$work/parts.run" --resume --json >"$work/out" 2>"$work/err" 3>&- &
    pid=$!
    polls=0
    while kill -0 $pid 2>/dev/null && [ "$(length)" -le "$before" ] && [ $polls -lt 6000 ]; do
        polls=$((polls + 1))
        sleep 0.005
    done
    sleep "0.0$((RANDOM % 3))"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    code=$?
    [ $code = 137 ] && [ $polls -lt 6000 ] || break
    killed=$((killed + 1))
done
[ $code = 0 ] && [ $killed -gt 0 ] && cmp -s "$work/whole.run" "$work/parts.run"
report "a run killed $killed times has the bytes of one in one go" $?
rm -f "$work"/*.run "$work/base" "$work/other.ister" "$work"/*.jsonl
