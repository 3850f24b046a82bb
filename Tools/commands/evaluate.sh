# ister eval.
# shellcheck shell=bash disable=SC2154

# Evaluation: wrong vocabularies, corrupt items, runs that are killed.
succeeds "a model with another vocabulary" quantize Tests/GoldenTests/Fixtures/mistral-no-window --preset q8 -o "$work/other.ister"
refuses "a reference with another vocabulary" 65 "vocabulary has" eval kld "$model" --reference "$work/other.ister" --text $text
succeeds "a base file" eval kld "$model" --reference "$model" --text $text -c 64 --chunks 2 --write-base "$work/base" --json
prints "a model is no divergence from itself" '"kld":\{"mean":0(\.0)?,'
cp "$work/base" "$work/broken" # in its last row, which is read after the first window's figures are told
printf '\377\377\377\177' | dd of="$work/broken" bs=1 seek=$(($(stat -c %s "$work/base") - 1032)) conv=notrunc 2>/dev/null
run eval kld "$model" --base "$work/broken"
[ "$code" = 65 ] && grep -q '^\[1\]' "$work/err" && grep -q '^ister: error\[65\]: .*broken: row ' "$work/err"
report "an error has a line of its own" $?
refuses "a base file of another vocabulary" 65 "vocabulary has" eval kld "$work/other.ister" --base "$work/base"
item() { # id
    echo "{\"id\":\"$1\",\"task\":\"mine\",\"question\":\"Who is $1?\",\"choices\":[\"a girl called $1\",\"a dog\"],\"answer\":0}"
}
for index in $(seq 200); do item "$index"; done >"$work/mine.jsonl"
{ item 1 && echo '{"id":"2","task":' && item 3; } >"$work/corrupt.jsonl"
refuses "a corrupt item" 65 "corrupt.jsonl: line 2: " eval tasks "$model" --suite "$work/corrupt.jsonl"
succeeds "a run in one go" eval tasks "$model" --suite "$work/mine.jsonl" -o "$work/whole.run" --json
prints "a run has its keys" '^\{"model":\{.*"suites":\[\{"suite":"mine","items":200,"shots":0,"main":"acc","acc":[0-9.]+,.*"flips":null\}\],"seconds":'
refuses "a run is not another model's" 65 "a run with another model" eval tasks "$work/other.ister" --suite "$work/mine.jsonl" -o "$work/whole.run" --resume
head -n 2 "$work/mine.jsonl" >"$work/few.jsonl"
sed 's/mine/few/' "$work/whole.run" | head -n 3 >"$work/part.run"
sed -i "s/\"sha256\":\"[0-9a-f]*\"/\"sha256\":\"$(printf 'prompts 1 by fields\n' | cat - "$work/few.jsonl" | sha256sum | cut -d ' ' -f 1)\"/" "$work/part.run"
succeeds "a reference that answered less" eval tasks "$model" --suite "$work/few.jsonl" --reference "$work/part.run"
prints "its flips are those of the common items" ' 0/0 of 1$'
refuses "a text that is no text" 65 "UTF-8" eval perplexity "$model" --text "$model"
refuses "windows beside a base file" 64 "--context" eval kld "$model" --base "$work/base" -c 32
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
rm -f "$work"/*.run "$work/base" "$work/broken" "$work/other.ister" "$work"/*.jsonl
