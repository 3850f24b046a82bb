# ister verify, inspect and generate.
# shellcheck shell=bash disable=SC2154

generate() { run generate "$model" -p "Once upon a time" "$@"; }

succeeds "verify accepts it" verify "$model"
cp "$model" "$work/bad.ister"
printf '\377\377' | dd of="$work/bad.ister" bs=1 seek=$(($(stat -c %s "$model") - 9000)) conv=notrunc 2>/dev/null
refuses "verify names a damaged tensor" 65 "checksum" verify "$work/bad.ister"
head -c 5000 "$model" >"$work/short.ister"
refuses "a truncated file" 65 "must be" generate "$work/short.ister" -p x
refuses "a missing file" 66 "none.ister" inspect "$work/none.ister"
refuses "a folder is no model" 66 "$work" inspect "$work"
succeeds "inspect tells in JSON" inspect "$model" --json
prints "inspect has its keys" '^\{"format_version":1,.*"bits_per_weight":.*"shape":\{.*"tensors":\[\{"name":"embedding","format":"q8g32","shape":\[512,64\],"bytes":[0-9]+,"sha256":"[0-9a-f]{64}"\}.*"provenance":\{'
succeeds "inspect tells a person" inspect "$model"

generate -n 12 --temperature 0
report "generate runs" $code
prints "generate continues the story" '^, there was a little girl'
generate -n 12 --temperature 0 --json
prints "a JSON object a token" '^\{"event":"token","index":0,"id":[0-9]+,"text":"'
prints "a JSON object at the end" '^\{"event":"done","ids":\[.*\],"text":".*","finish_reason":"length","prompt_tokens":[0-9]+,"completion_tokens":12,.*"timings":\{"prompt_n":'
generate -n 50 --temperature 0 --stop "little girl" --json
prints "a stop string ends the text before it" '"text":", there was a ","finish_reason":"stop"'

generate -n 40 --temperature 1.1 --seed 42 --top-k 50 --top-p 0.95 --min-p 0.01
cp "$work/out" "$work/first"
for variant in "-t 1" "-t 2" "--chunk 1" "--chunk 3"; do
    # shellcheck disable=SC2086
    generate -n 40 --temperature 1.1 --seed 42 --top-k 50 --top-p 0.95 --min-p 0.01 $variant
    cmp -s "$work/out" "$work/first"
    report "a seed gives the same text with $variant" $?
done
available=$(bounded "$ister" doctor | grep "^instruction set")
[[ $available == *scalar* ]]
report "doctor names the instruction sets" $?
for isa in scalar avx2 avxvnni avx512vnni avx512vbmi neondotprod neoni8mm; do
    [[ $available == *"$isa"* ]] || continue
    ISTER_ISA=$isa generate -n 40 --temperature 1.1 --seed 42 --top-k 50 --top-p 0.95 --min-p 0.01
    cmp -s "$work/out" "$work/first"
    report "a seed gives the same text with $isa" $?
done
generate -n 40 --temperature 1.1 --seed 43 --top-k 50 --top-p 0.95 --min-p 0.01
! cmp -s "$work/out" "$work/first"
report "another seed gives another text" $?

refuses "an empty prompt" 64 "Give either" generate "$model"
refuses "ids beyond the vocabulary" 64 "512" generate "$model" --ids 1,512
refuses "ids that are no numbers" 64 "--ids" generate "$model" --ids 1,x
refuses "a temperature that is no number" 64 "temperature" generate "$model" -p x --temperature nan
refuses "top-p above 1" 64 "top-p" generate "$model" -p x --seed 1 --top-p 1.5
refuses "no threads" 64 "--threads" generate "$model" -p x --threads 0
printf '#!/bin/bash\nulimit -v 3000000\nexec %q "$@"\n' "$ister" >"$work/limited"
chmod +x "$work/limited"
ister=$work/limited refuses "more threads than the system gives" 71 "thread team" generate "$model" -p x -t 1024
refuses "an unknown cache format" 64 "one of f32, f16, q8" generate "$model" -p x --kv q9
refuses "chunks of nothing" 64 "--chunk" generate "$model" -p x --chunk 0
refuses "a prompt beyond the context" 64 "context" generate "$model" -p "Once upon a time" --context 2
refuses "an unknown option" 64 "--nope" inspect "$model" --nope
refuses "an unknown command" 64 "nope" nope
ISTER_ISA=nope refuses "an unknown instruction set" 64 "nope" doctor
bounded "$ister" generate "$model" -p x -n 2 >/dev/full 2>"$work/err"
[ $? = 74 ]
report "a full disk behind stdout" $?
