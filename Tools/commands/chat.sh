# ister chat.
# shellcheck shell=bash disable=SC2154

# A chat: what a script sends, and what a person types.
printf '%s' "{% for message in messages %}{{ message['content'] }} {% endfor %}" >"$work/template.jinja"
chat() { # lines; leaves out, err and code
    printf '%s\n' "$@" | bounded "$ister" chat "$model" --chat-template "$work/template.jinja" -n 6 >"$work/out" 2>"$work/err"
    code=$?
}
chat "Once upon a time there was a little girl called Lily who lived in a small house" "/set tokens 3" "and then \\" "what?" "/undo" "/save $work/chat.json"
[ "$code" = 0 ] && grep -q 'generated 6 ' "$work/err" && grep -q '(.* cached).*generated 3 ' "$work/err" &&
    grep -qE '^\[\{"role":"user","content":"Once upon a time [^"]*"\},\{"role":"assistant","content":"[^{]*"\}\]$' "$work/chat.json"
report "a scripted chat: settings, several lines, undo, save" $?
chat "/save $work/chat.json"
[ "$code" = 64 ] && grep -q "exists" "$work/err"
report "a chat replaces no file" $?
chat "hello" "/bogus" "more"
[ "$code" = 64 ] && [ "$(grep -c generated "$work/err")" = 1 ] && grep -q "/bogus" "$work/err"
report "a wrong command ends a scripted chat" $?
refuses "a chat without a template" 65 "--chat-template" chat "$model"
echo '{% for message in %}' >"$work/broken.jinja"
refuses "a chat with a broken template" 65 "broken.jinja" chat "$model" --chat-template "$work/broken.jinja"
bounded python3 Tools/chat-test.py "$ister" "$model" "$work/template.jinja" >"$work/out" 2>"$work/err"
code=$?
[ $code = 0 ] || cat "$work/err" >&2
report "a chat in a terminal" $code
