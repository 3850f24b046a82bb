# ister quantize: files, plans, sizes, certificates, rounded sources. Leaves the model that the other parts use.
# shellcheck shell=bash disable=SC2154

succeeds "quantize makes a file" quantize $checkpoint --preset q8 -o "$model" --json
prints "quantize reports in JSON" '^\{"output":.*"bytes":[0-9]+,"preset":"q8","bits_per_weight":[0-9.]+,.*\}$'
refuses "an existing output is kept" 73 "--force" quantize $checkpoint -o "$model"
succeeds "--force replaces it" quantize $checkpoint --preset q8 -o "$model" --force
ln -s tiny.ister "$work/link.ister"
succeeds "an output that is a link" quantize $checkpoint --preset q8 -o "$work/link.ister" --force
[ -L "$work/link.ister" ] && rm "$work/link.ister" && [ -f "$model" ]
report "stays one" $?
ln -s none.ister "$work/link.ister"
refuses "an output that is a link to nothing" 73 "symbolic link" quantize $checkpoint -o "$work/link.ister"
rm "$work/link.ister"
refuses "an output in no folder" 73 "none" quantize $checkpoint -o "$work/none/x.ister"
refuses "a missing checkpoint" 66 "none" quantize "$work/none"
printf '#!/bin/bash\nulimit -f 100\nexec %q "$@"\n' "$ister" >"$work/limited"
chmod +x "$work/limited"
ister=$work/limited refuses "a file larger than the system allows" 74 "large.ister" quantize $checkpoint --preset q8 -o "$work/large.ister"
rm "$work/limited"
refuses "a preset that is not there" 64 "q5" quantize $checkpoint --preset q5
[ "$(ls -A "$work" | sort | tr '\n' ' ')" = "err out tiny.ister " ]
report "no other file is left" $?

succeeds "a plan of all presets" quantize $checkpoint --plan -o "$work/planned.ister"
prints "a plan tells size and memory" '^q4 +[0-9.]+ KiB +[0-9.]+ +[0-9.]+ [KM]iB +q8 1, q4 35$'
prints "a plan tells the size of what has to be measured" '^balanced +[0-9.]+ KiB +[0-9.]+ +[0-9.]+ [KM]iB +q4, q8 as measured$'
prints "a plan tells what presets give" '^q8g256: 8\.1 bits, in a moment; divergence of SmolLM2-135M 0\.[0-9]+ nats$'
succeeds "a plan in JSON" quantize $checkpoint --plan --preset q8 --json -o "$work/planned.ister"
prints "a plan has its keys" '^\{"plans":\[\{"preset":"q8","bytes":[0-9]+,"file_bits_per_weight":[0-9.]+,"bits_per_weight":[0-9.]+,"calibration_bytes":null,"cache_bytes":[0-9]+,"cache_tokens":[0-9]+,"formats":\{"embedding":"q8g32",'
layers=Tests/GoldenTests/Fixtures/mistral-no-window # of which there are two: each is measured
succeeds "a plan of a target" quantize $layers --plan --target-bits 10 -o "$work/planned.ister"
prints "a plan names its target" '^bits-10\.0 '
planned=$(run quantize $layers --plan --preset balanced --json && sed -E 's/.*"bytes":([0-9]+).*"bits_per_weight":null.*"formats":null.*/\1/' "$work/out")
[ ! -e "$work/planned.ister" ]
report "a plan writes nothing" $?
refuses "a plan with a certificate" 64 "--certify does not go with --plan" quantize $checkpoint --plan --certify README.md
refuses "a plan with a limit" 64 "--max-kld does not go with --plan" quantize $checkpoint --plan --calibrate README.md --max-kld 1
refuses "a plan with a text that is not there" 66 "none.txt" quantize $checkpoint --plan --calibrate "$work/none.txt"
succeeds "a file of a given size" quantize $layers --target-bits 10 -o "$work/sized.ister" --json
prints "the file is as small as asked" '"file_bits_per_weight":9\.[0-9]+,.*"recipe":"bits-10\.0"'
refuses "bits that no file has" 64 "the smallest file has" quantize $checkpoint --target-bits 2 -o "$work/x.ister"
succeeds "a preset with a size" quantize $layers --preset balanced --own-tokens 512 -o "$work/balanced.ister" --json
made=$(sed -E 's/.*"bytes":([0-9]+),"preset":"balanced",.*"recipe":"balanced","certificate":null.*/\1/' "$work/out")
grep -qx 'ister: no certificate: give --certify TEXT' "$work/err" && [ "$made" -le "$planned" ]
report "it is as small as planned, and says that it has no certificate" $?
run quantize $checkpoint --preset q4 --own-tokens 512 -o "$work/x.ister"
[ "$code" = 64 ] && grep -q "own-tokens goes with" "$work/err"
report "own text needs a preset that calibrates" $?
refuses "calibrated floats" 64 "f32" quantize $checkpoint --preset f32 --calibrate README.md -o "$work/x.ister"
refuses "a method without a calibration" 64 "--calibration-method" quantize $checkpoint --calibration-method importance -o "$work/x.ister"
succeeds "calibration in one pass" quantize $checkpoint --preset q8g256 --calibrate-own --calibration-method importance --own-tokens 512 -o "$work/pass.ister"
succeeds "inspect shows its method" inspect "$work/pass.ister"
prints "and the tokens of the model" '^calibration +importance, 512 tokens of the model.s own text'
refuses "windows without a text" 64 "--certify-chunks" quantize $checkpoint --certify-chunks 2 -o "$work/x.ister"
refuses "a calibration text that is no text" 65 "UTF-8" quantize $checkpoint --calibrate "$model" -o "$work/x.ister"
refuses "bits and a preset" 64 "either" quantize $checkpoint --target-bits 8 --preset q4 -o "$work/x.ister"
refuses "bits that are no number" 64 "--target-bits" quantize $checkpoint --target-bits nan -o "$work/x.ister"
text=Sources/IsterModelFile/Format.md
succeeds "quantize certifies" quantize $checkpoint --calibrate $text --own-tokens 512 --certify $text \
    --certify-chunks 2 --max-kld 9 -o "$work/certified.ister" --json
prints "the certificate is reported" '"certificate":\{"text_sha256":"[0-9a-f]{64}","context":512,"chunks":2,"first_chunk":0,"held_out":false,"scored_tokens":510,"kld":[0-9.]+,'
succeeds "inspect shows the certificate" inspect "$work/certified.ister"
prints "a person sees it" 'mean divergence [0-9.]+ ± [0-9.]+ nats'
prints "and the calibration" '^calibration +feedback, [0-9]+ tokens of text [0-9a-f]{16}… and 512 tokens'
prints "and that it is measured on the text of the calibration" '^against the source.s floats, .* \(the text of the calibration itself, so it flatters\):$'
succeeds "inspect tells it in JSON" inspect "$work/certified.ister" --json
prints "a script sees it" '"calibration":\{"method":"feedback","text_sha256":"[0-9a-f]{64}","tokens":[0-9]+,"own_tokens":512\}.*"quality":\{"text_sha256":'
: >"$work/..held.ister.calibration.tmp-99999999"
cp "$work/certified.ister" "$work/.held.ister.calibration"
cp $text "$work/held.ister.calibration"
succeeds "the end of a calibration text certifies" quantize $checkpoint --preset best --calibrate "$work/held.ister.calibration" --own-tokens 512 \
    --max-kld 9 -o "$work/held.ister" --json
prints "which the calibration was not given" '"recipe":"best","certificate":\{"text_sha256":"[0-9a-f]{64}","context":512,"chunks":[0-9]+,"first_chunk":[1-9][0-9]*,"held_out":true,'
! grep -q "no certificate" "$work/err"
report "it has a certificate" $?
[ "$(ls -A "$work" | grep calibration)" = held.ister.calibration ] && cmp -s $text "$work/held.ister.calibration"
report "what a killed calibration left is gone, a text of a like name is not" $?
mv "$work/held.ister.calibration" "$work/.new.ister.calibration"
refuses "a text where the calibration's model would be" 73 "no conversion left" quantize $checkpoint --calibrate "$work/.new.ister.calibration" \
    --own-tokens 0 -o "$work/new.ister"
cmp -s $text "$work/.new.ister.calibration" && [ ! -e "$work/new.ister" ]
report "which stays as it is" $?
rm "$work/.new.ister.calibration"
run inspect "$work/held.ister"
prints "inspect tells where it was measured" '^against the source.s floats, on [0-9]+ tokens of text [0-9a-f]{16}… \(windows [0-9]+ to [0-9]+, which the calibration was not given\):$'
held=$(sed -nE 's/.*feedback, ([0-9]+) tokens of text.*/\1/p' "$work/out")
succeeds "no certificate on demand" quantize $checkpoint --preset best --calibrate $text --own-tokens 512 \
    --no-certify -o "$work/held.ister" --force --json
prints "then there is none" '"certificate":null'
[ ! -s "$work/err" ]
report "and nothing is said" $?
run inspect "$work/held.ister"
[ "$(sed -nE 's/.*feedback, ([0-9]+) tokens of text.*/\1/p' "$work/out")" -gt "$held" ]
report "and the calibration gets the whole text" $?
head -c 2000 $text >"$work/brief.txt"
succeeds "a text too short to hold a part out" quantize $checkpoint --calibrate "$work/brief.txt" --own-tokens 0 \
    -o "$work/held.ister" --force
grep -q "no certificate (the calibration text is too short" "$work/err"
report "is used without a certificate, and it is said" $?
refuses "a limit that it cannot be held to" 64 "too short" quantize $checkpoint --calibrate "$work/brief.txt" --max-kld 9 \
    -o "$work/far.ister"
head -c 300 $text >"$work/brief.txt"
refuses "a calibration text of too few tokens" 65 "one chunk needs 512" quantize $checkpoint --calibrate "$work/brief.txt" \
    -o "$work/far.ister"
refuses "a text to certify on of too few tokens" 65 "one window needs 512" quantize $checkpoint \
    --certify "$work/brief.txt" -o "$work/far.ister"
refuses "a certificate that is not wanted" 64 "--no-certify" quantize $checkpoint --certify $text --no-certify \
    -o "$work/far.ister"
refuses "windows of a certificate that is not wanted" 64 "--certify-chunks" quantize $checkpoint --calibrate $text \
    --certify-chunks 2 --no-certify -o "$work/far.ister"
refuses "a file too far from its source" 65 "no file was made" quantize $checkpoint --certify $text --certify-chunks 1 \
    --max-kld 0 -o "$work/far.ister"
: >"$work/empty.txt"
refuses "an empty calibration text" 65 "empty" quantize $checkpoint --calibrate "$work/empty.txt" -o "$work/far.ister"
refuses "an empty text to certify on" 65 "empty" quantize $checkpoint --certify "$work/empty.txt" -o "$work/far.ister"
refuses "a limit without a text" 64 "--calibrate" quantize $checkpoint --max-kld 1 -o "$work/far.ister"
[ -z "$(ls -A "$work" | grep far)" ]
report "a refused file leaves nothing" $?
rounded=Tests/IsterCheckpointTests/Golden/tiny.gguf
succeeds "a rounded source is imported by itself" quantize $rounded -o "$work/rounded.ister"
grep -q 'source is quantized (matrices by type: Q8_0 3, .*): kept bit for bit: Q8_0, Q4_0; with 8 bits .*: ' "$work/err"
report "and it is said" $?
refuses "4 bits for what is rounded" 64 "--allow-requantize" quantize $rounded --preset q4 -o "$work/x.ister"
refuses "a small size for what is rounded" 64 "--allow-requantize" quantize $rounded --target-bits 30 -o "$work/x.ister"
succeeds "4 bits on demand" quantize $rounded --preset q4 --allow-requantize -o "$work/rounded.ister" --force
grep -q "warning: .*adds a second error; mean divergence from the source [0-9.]* nats on [0-9]* tokens of the model's own text" "$work/err"
report "the loss is measured" $?
grep -q '^ister: warning: .*second error' "$work/err"
report "with a warning" $?
run quantize $rounded --preset q4 --allow-requantize --no-certify -o "$work/rounded.ister" --force
[ "$code" = 0 ] && grep -q '^ister: warning: .*second error$' "$work/err"
report "but not where nothing is to be compared" $?
rm -f "$work/rounded.ister" "$work/pass.ister" "$work/sized.ister" "$work/certified.ister" "$work/empty.txt" "$work/brief.txt" \
    "$work/held.ister" "$work/balanced.ister"
