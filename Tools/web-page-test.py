"""Drives the server's web page in headless Chromium as a person would. Called by Tools/check-web-page.

usage: web-page-test.py URL KEY PICTURE_FOLDER
"""

import sys
import time
from pathlib import Path

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from web_page_browser import SIZES, Page, start_browser
from web_page_markdown import test_markdown

URL, KEY, PICTURES = sys.argv[1], sys.argv[2], Path(sys.argv[3])
SEED = "1"
failures = []


def check(claim, holds, detail=""):
    if not holds:
        failures.append(claim)
    print(f"{'ok' if holds else 'FAILED':6} {claim}" + (f" ({detail})" if detail and not holds else ""), flush=True)


def test_key(page):
    page.browser.get(URL)
    check("without a key the page says that one is needed",
          page.wait(lambda: "asks for an API key" in page.find("#key-help").text), page.find("#key-help").text)
    page.fill("#key", "wrong-key")
    check("a wrong key is told", page.wait(lambda: "does not know" in page.find("#key-help").text))
    page.picture("wrong-key")
    page.fill("#key", KEY)
    check("the right key connects", page.wait(lambda: page.find("#model").get_attribute("value")))
    check("the key is in sessionStorage only",
          page.js("return sessionStorage.getItem('ister.key')") == KEY and page.js("return localStorage.length") == 0)
    page.collect_complaints(refused_key=True)


# Keeps each text that an answer shows, however seldom the test looks.
RECORD = """
window.states = [];
window.recorder = new MutationObserver(() => {
  const text = document.querySelector('.turn.assistant:last-child .text')?.innerText.trim();
  if (text && text !== window.states.at(-1)) window.states.push(text);
});
window.recorder.observe(document.querySelector('#log'), {childList: true, subtree: true, characterData: true});
"""


def test_streaming(page):
    # By the same seed the same answers, none of which ends early.
    page.fill("#seed", SEED)
    page.slow_network(6000)
    page.fill("#max_tokens", "60")
    page.js(RECORD)
    page.send("<img src=x onerror=alert(1)> Tell me a story")
    page.wait(lambda: page.answer() and not page.is_running())
    seen = page.js("window.recorder.disconnect(); return window.states")
    page.slow_network(-1)
    check("the answer grows while it streams", len(seen) >= 3, f"{len(seen)} states")
    check("every state continues the one before", all(b.startswith(a) for a, b in zip(seen, seen[1:])))
    check("the figures tell tokens and tokens per second",
          "tokens ·" in page.figures() and "tokens/s" in page.figures(), page.figures())
    check("the message is shown as text, not as markup",
          "<img src=x" in page.find(".turn.user .text").text and not page.all("#log img"))


def test_stop(page):
    page.slow_network(2000)
    page.fill("#max_tokens", "300")
    page.send("A longer one, please")
    check("a second answer begins", page.wait(lambda: page.is_running() and page.answer() != ""))
    before = page.answer()
    page.find("#message").send_keys(Keys.ESCAPE)
    # By itself it would last for more than half a minute.
    check("Escape stops it", page.wait(lambda: not page.is_running(), 10))
    page.slow_network(-1)
    kept = page.answer()
    time.sleep(0.5)
    check("the text that came is kept and does not grow", kept.startswith(before) and page.answer() == kept)
    check("the figures say that it was stopped", "stopped" in page.figures(), page.figures())


def test_regenerate(page):
    page.fill("#max_tokens", "20")
    turns = len(page.all(".turn"))
    page.find(".turn:last-child .retry").click()
    check("regenerate answers again in the same place",
          page.wait(lambda: not page.is_running() and page.answer()) and len(page.all(".turn")) == turns)


def test_multiline(page):
    box = page.find("#message")
    height = box.size["height"]
    box.send_keys("one", Keys.SHIFT + Keys.ENTER, Keys.NULL, "two")
    check("Shift+Enter starts a new line and sends nothing",
          box.get_attribute("value") == "one\ntwo" and box.size["height"] > height)
    page.js("arguments[0].value = ''; arguments[0].dispatchEvent(new Event('input'))", box)


def test_probabilities(page):
    page.find("#probabilities").click()
    page.send("And with numbers")
    page.wait(lambda: not page.is_running() and page.all(".turn:last-child .token"))
    tokens = page.all(".turn:last-child .token")
    check("an answer with probabilities has its tokens", len(tokens) > 3, f"{len(tokens)} tokens")
    check("the tokens together are the answer", page.js(
        "const t = document.querySelector('.turn:last-child .text');"
        "return [...t.childNodes].every(n => n.className.startsWith('token')) && t.textContent.length > 0"))
    # Scrolling hides what a token shows.
    page.js("arguments[0].scrollIntoView({block: 'nearest'})", tokens[2])
    page.settle()
    ActionChains(page.browser).move_to_element(tokens[2]).perform()
    page.wait(lambda: page.texts("#tip .row"), 10)
    rows = page.texts("#tip .row")
    check("pointing at a token shows what else was likely",
          len(rows) >= 2 and "%" in rows[0] and len(page.all("#tip .row.chosen")) == 1, f"{len(rows)} rows")
    page.picture("probabilities")
    page.js("document.querySelector('.turn:last-child .text').focus()")
    page.settle()
    page.browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    check("the arrow keys show it, too", page.wait(
        lambda: len(page.all(".token.current")) == 1 and page.find("#tip").is_displayed(), 10))
    page.find("#probabilities").click()


def test_refused_request(page):
    turns = len(page.all(".turn"))
    page.js("document.querySelector('#key').value = 'wrong-key'")
    page.send("Who are you?")
    check("a refused message shows the error in its place",
          page.wait(lambda: page.all(".turn:last-child .error")) and "API key" in page.find(".error strong").text)
    page.picture("refused")
    page.fill("#key", KEY)
    page.find(".turn:last-child .retry").click()
    check("trying again with the right key answers", page.wait(
        lambda: not page.is_running() and page.answer() and not page.all(".turn:last-child .error")))
    check("the failed attempt left nothing behind", len(page.all(".turn")) == turns + 2)
    page.collect_complaints(refused_key=True)


CONTRAST = """
const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
const light = (colour) => {
  canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => {
    v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const style = getComputedStyle(document.documentElement);
const ratio = (a, b) => { const [x, y] = [a, b].map((n) => light(style.getPropertyValue(n))).sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05); };
return Math.min(ratio('--text', '--back'), ratio('--muted', '--back'), ratio('--muted', '--panel'),
  ratio('--text', '--mine'), ratio('--on-accent', '--accent'), ratio('--bad', '--bad-back'),
  ratio('--bad', '--panel'));
"""


def test_layouts(page):
    backgrounds = {}
    for size in SIZES:
        for scheme in ("light", "dark"):
            page.emulate(scheme, size)
            page.settle()
            name = f"{scheme}, {size}"
            page.picture(f"{scheme}-{size}")
            backgrounds[scheme] = page.js("return getComputedStyle(document.body).backgroundColor")
            width, height = SIZES[size]
            check(f"{name}: nothing is wider than the window",
                  page.js("return document.documentElement.scrollWidth <= innerWidth"))
            box = page.find("#message").rect
            check(f"{name}: the message field is in view",
                  box["y"] + box["height"] <= height and box["x"] >= 0 and box["x"] + box["width"] <= width)
            contrast = page.js(CONTRAST)
            check(f"{name}: text has a contrast of 4.5 or more", contrast >= 4.5, f"{contrast:.2f}")
    check("light and dark differ", backgrounds["light"] != backgrounds["dark"])
    page.find("#open-settings").click()
    check("narrow: settings open as a sheet", page.find("#settings").is_displayed())
    page.picture("settings-narrow")
    page.find("#close-settings").click()
    check("narrow: and close", not page.find("#settings").is_displayed())
    page.emulate("light", "wide")


def test_load(page):
    check("the server's load is shown", page.wait(lambda: page.find("#load-running").text.isdigit()),
          page.find("#load-note").text)
    check("its tokens per second, too", page.wait(lambda: page.find("#load-rate").text not in ("", "–")))


def test_whole(page):
    fields = page.all("input, textarea, select, button")
    nameless = [field.get_attribute("id") or field.text for field in fields
                if field.is_displayed() and not field.accessible_name]
    check("every control has a name for screen readers", not nameless, str(nameless))
    outside = page.js("return performance.getEntriesByType('resource').map(e => e.name)"
                      ".filter(n => !n.startsWith(location.origin) && !n.startsWith('data:'))")
    check("nothing is loaded from elsewhere", not outside, str(outside))
    page.find("#clear").click()
    check("New chat empties the conversation", not page.all(".turn") and page.find("#empty").is_displayed())
    page.picture("empty")
    page.emulate("dark", "narrow")
    page.picture("empty-dark-narrow")
    page.collect_complaints()
    check("the console stays without errors and warnings", not page.complaints, "; ".join(page.complaints[:3]))


def main():
    PICTURES.mkdir(parents=True, exist_ok=True)
    browser = start_browser()
    try:
        page = Page(browser, PICTURES)
        page.emulate("light", "wide")
        for test in (test_key, test_streaming, lambda page: test_markdown(page, check, SIZES), test_stop, test_regenerate,
                     test_multiline, test_probabilities, test_layouts, test_load, test_refused_request, test_whole):
            test(page)
    finally:
        browser.quit()
    print(f"web page: {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
