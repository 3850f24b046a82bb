# ister logits, tokenize, bench and doctor.
# shellcheck shell=bash disable=SC2154

succeeds "logits of all positions" logits "$model" --ids 1,2,3 --positions all --json
prints "logits have their keys" '^\{"vocabulary_size":512,"positions":\[\{"index":0,"logits":\[-?[0-9]'
[ "$(grep -o '"index":' "$work/out" | wc -l)" = 3 ]
report "three positions" $?
cp "$work/out" "$work/first"
run logits "$model" --ids 1,2,3 --positions all --json --chunk 1 --threads 1
cmp -s "$work/out" "$work/first"
report "logits do not depend on chunks and threads" $?
run logits "$model" --ids 1,2,3 --positions all --json --kv q8
! cmp -s "$work/out" "$work/first"
report "the int8 cache is another cache" $?
cp "$work/out" "$work/first"
run logits "$model" --ids 1,2,3 --positions all --json --kv q8 --chunk 1 --threads 1
cmp -s "$work/out" "$work/first"
report "with the int8 cache logits do not depend on chunks and threads" $?
refuses "logits of nothing" 64 "Give either" logits "$model"
refuses "logits of an id beyond the vocabulary, in a later chunk" 64 "512" logits "$model" --ids 1,2,512 --positions all --json --chunk 1

succeeds "tokenize with JSON" tokenize "$model" "Once upon" --json
prints "tokenize has its keys" '^\{"ids":\[1,403,407\],"pieces":\["<s>",'
cp "$work/out" "$work/first"
run tokenize $checkpoint "Once upon" --json
cmp -s "$work/out" "$work/first"
report "file and checkpoint give the same ids" $?
run tokenize $checkpoint/tokenizer.model "Once upon" --json
cmp -s "$work/out" "$work/first"
report "the bare tokenizer gives the same ids" $?
printf '"Once upon"\n"caf\\u00e9"\n' | bounded "$ister" tokenize "$model" --batch >"$work/out" 2>"$work/err"
prints "a batch gives an array a line" '^\[1,403,407\]$'
printf 'Once upon\n' | bounded "$ister" tokenize "$model" --batch >"$work/out" 2>"$work/err"
[ $? = 65 ] && grep -q "line 1" "$work/err"
report "a batch names the line that is no JSON string" $?
printf '"Once upon"\n\n"caf\\u00e9"\n' | bounded "$ister" tokenize "$model" --batch >"$work/out" 2>"$work/err"
[ $? = 65 ] && grep -q "line 2: blank" "$work/err" && [ ! -s "$work/out" ]
report "a batch names a blank line" $?
bounded "$ister" tokenize "$model" --json <README.md >"$work/first" 2>"$work/err"
bounded python3 -c 'import os, subprocess, sys
reading, writing = os.pipe()
os.set_blocking(writing, False)
child = subprocess.Popen(sys.argv[1:], stdout=writing)
os.close(writing)
sys.stdout.buffer.write(open(reading, "rb").read())
sys.exit(child.wait())' "$ister" tokenize "$model" --json <README.md >"$work/out" 2>"$work/err" && cmp -s "$work/out" "$work/first"
report "a stdout that does not block gets everything" $?

succeeds "bench in JSON" bench "$model" -p 8 -n 4 -d 2 -b 1,2 -r 2 -t 1 -o json
prints "bench has its keys" '"isa":".*"model_size":.*"model_n_params":.*"n_threads":1,.*"n_prompt":8,"n_gen":0,"n_depth":2,.*"avg_ts":.*"stddev_ts":.*"fraction_of_bandwidth":null,"fraction_of_integer_peak":[0-9].*"memory_bandwidth_bytes_per_second":null,"integer_peak_macs_per_second":[0-9].*"memory_bandwidth_bytes_per_second":[0-9][^,]*,"integer_peak_macs_per_second":null,.*"samples_ts":\['
prints "each phase has its own yardstick" '"n_prompt":8,.*"memory_bandwidth_bytes_per_second":null,.*"n_gen":4,.*"fraction_of_integer_peak":null,"memory_bandwidth_bytes_per_second":[0-9]'
prints "what the caches hold is not compared with memory" '"n_gen":4,.*"fraction_of_bandwidth":null'
prints "sequences that generate together have both yardsticks" '"n_sequences":2,"n_prompt":0,"n_gen":4,.*"fraction_of_integer_peak":[0-9.e-]+,"memory_bandwidth_bytes_per_second":[0-9]'
prints "bench says how many threads ran" '"samples_threads":\[1,1\]'
succeeds "bench of weights where they are mapped" bench "$model" -p 8 -n 0 -r 1 --no-copies
succeeds "bench with the int8 cache" bench "$model" -p 8 -n 4 -r 1 --kv q8 -o json
prints "bench names the cache" '"type_k":"q8","type_v":"q8"'
succeeds "bench as a table" bench "$model" -p 8 -n 4 -r 2
prints "bench has llama-bench's columns" '^\| model +\| +size \| +params \|.* test \| +t/s \| bandwidth \| int8 peak \|'
succeeds "bench sweeps" bench "$model" -p 4 -n 4 -r 1 --sweep -o csv
[ "$(wc -l <"$work/out")" = 7 ] # its context holds depth 0 only: a title, a prompt test, five generation tests
report "a sweep keeps to the context" $?
refuses "a sweep with depths of its own" 64 "--sweep" bench "$model" --sweep -d 64
succeeds "bench as CSV" bench "$model" -p 8 -n 0 -r 2 -o csv
refuses "bench beyond the context" 64 "context" bench "$model" -p 100000
refuses "one bad test stops all before the first" 64 "pp4 @ d100000" bench "$model" -p 4 -n 4 -d 0,100000
printf '#!/bin/bash\nulimit -v 4000000\nexec %q "$@"\n' "$ister" >"$work/limited"
chmod +x "$work/limited"
ister=$work/limited run bench "$model" -p 8 -n 0 -r 1 -t 1,1024 -o csv
[ "$code" = 71 ] && grep -q "thread team" "$work/err" && [ "$(wc -l <"$work/out")" = 2 ]
report "what bench measured before it failed is printed" $?
# Forty tests; the signal comes when some of them are done, later on a slower machine.
for signal in "INT 130" "TERM 143"; do
    for delay in 2 6 20 60; do
        timeout --foreground --kill-after 5 120 "$ister" bench "$model" -p 0 -n "$(seq -s, 40)" -r 3 -o csv \
            >"$work/out" 2>"$work/err" </dev/null &
        process=$!
        sleep "$delay"
        kill "-${signal% *}" "$process" # timeout hands it on
        wait "$process"
        code=$?
        [ ! -s "$work/out" ] || break
    done
    [ "$code" = "${signal#* }" ] && [ "$(wc -l <"$work/out")" -gt 1 ] && [ "$(wc -l <"$work/out")" -lt 41 ]
    report "what bench measured before SIG${signal% *} is printed" $?
done
refuses "bench of nothing" 64 "nothing to measure" bench "$model" -p 0 -n 0
refuses "bench with too many sequences" 64 "-b" bench "$model" -b 4097
refuses "bench with too many tokens a call" 64 "--chunk" bench "$model" --chunk 8193
succeeds "doctor in JSON" doctor --json
prints "doctor has its keys" '"cpu":".*"isa":".*"threads":\{"count":[0-9]+,"reason":".*"memory_bandwidth_bytes_per_second":[0-9].*"integer_peak_macs_per_second":[0-9].*"model_limits":\{"model":".*"q4_decode_tokens_per_second":[0-9].*"q8_decode_tokens_per_second":[0-9].*"prompt_tokens_per_second":[0-9].*"throttling":(null|\{"periods":[0-9]+,"throttled_periods":[0-9]+,"throttled_seconds":[0-9.e-]+\}),.*"explanations":\["'
succeeds "doctor tells a person" doctor
prints "doctor explains the limit of decoding" 'q4 of a 1\.8B model cannot decode faster than [0-9.]+ tokens/s here'
prints "doctor explains the limit of prompts" 'a prompt of a 1\.8B model cannot run faster than [0-9.]+ tokens/s here'
bounded python3 -c 'import os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.execv(sys.argv[1], sys.argv[1:])' "$ister" doctor --json >"$work/out" 2>"$work/err" </dev/null
prints "doctor names what leaves it one processor" '"threads":\{"count":1,"reason":"(1 of [0-9]+ physical cores, since affinity or a cpuset allows 1 of [0-9]+ processors|1 physical core"|control group)'
