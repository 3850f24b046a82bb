"""Markdown in the web page's answers: a part of web-page-test.py."""

MARKDOWN = """## A heading
Some **bold**, *italic* and `co<b>de</b>` with snake_case_words, ~~gone~~.
<img src=x onerror="document.title='broken'"> <script>document.title='broken'</script>

1. one
2. two
   - inner *item*

3. three

| name | count |
|------|------:|
| a    | **12** |

> A quote with a [link](https://example.com/a_(b)) and [none](javascript:alert(1)), [none](data:text/html,x)

```html
<img src=x onerror="document.title='broken'">
    indented **not bold** """ + "wide " * 60 + """
```
The end.
"""

# Answers the next question with a text, a few letters at a time. Waits at `pause` until the page's goOn() is called, so
# that what is shown there can be looked at however long that takes.
FAKE_ANSWER = """
const [text, size, pause] = arguments;
const released = new Promise((release) => { window.goOn = release; });
const original = window.fetch;
window.fetch = async (address, options) => {
  if (!String(address).includes("chat/completions")) return original(address, options);
  window.fetch = original;
  const encoder = new TextEncoder();
  return new Response(new ReadableStream({ async start(controller) {
    for (let at = 0; at < text.length; at += size) {
      const choices = [{ index: 0, delta: { content: text.slice(at, at + size) }, finish_reason: null }];
      controller.enqueue(encoder.encode(`data: ${JSON.stringify({ choices })}\\n\\n`));
      await new Promise((next) => setTimeout(next, 5));
      if (at <= pause && pause < at + size) await released;
    }
    controller.enqueue(encoder.encode("data: [DONE]\\n\\n"));
    controller.close();
  } }), { headers: { "content-type": "text/event-stream" } });
};
"""


def test_markdown(page, check, sizes):
    def shown(selector):
        return page.texts(".turn:last-child .text " + selector)

    shapes = []
    for size, pause in ((3, MARKDOWN.index("1. one")), (10_000, -1)):
        page.js(FAKE_ANSWER, MARKDOWN, size, pause)
        page.send("Some Markdown, please")
        if pause > 0:
            check("Markdown is shown while it streams",
                  page.wait(lambda: shown("h4") == ["A heading"] and shown("p > strong") == ["bold"])
                  and page.is_running() and len(page.answer()) < len(MARKDOWN) / 2)
            page.js("window.goOn()")
        page.wait(lambda: not page.is_running() and page.answer() == MARKDOWN)
        shapes.append(page.js("return document.querySelector('.turn:last-child .text').innerHTML"))
    check("piece by piece it becomes the same as at once", shapes[0] == shapes[1])
    check("emphasis, code and strokes", (shown("p > strong")[:1], shown("p > em"), shown("p > code"), shown("del"))
          == (["bold"], ["italic"], ["co<b>de</b>"], ["gone"]))
    check("lists inside lists", len(shown("> ol > li")) == 3 and shown("> ol > li > ul > li") == ["inner item"])
    check("tables", (shown("th"), shown("td")) == (["name", "count"], ["a", "12"]))
    check("code blocks keep their text", shown("pre > code")[0].startswith("<img src=x onerror")
          and "    indented **not bold**" in page.find(".turn:last-child pre").get_attribute("textContent"))
    links = page.all(".turn:last-child .text a")
    check("only links to the web lead anywhere", [link.get_attribute("href") for link in links]
          == ["https://example.com/a_(b)"] and "[none](javascript:alert(1))" in shown("blockquote")[0])
    check("and give no opener", all("noopener" in link.get_attribute("rel") for link in links))
    check("markup in an answer is shown as text", not page.all("#log img, #log script") and page.js(
        "return document.title") == "Ister" and any("<script>" in text for text in shown("> p")))
    page.browser.execute_cdp_cmd("Browser.grantPermissions", {
        "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    page.find(".turn:last-child .code button").click()
    check("a code block can be copied", page.wait(lambda: page.find(".turn:last-child .code button").text == "Copied")
          and page.browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
          .startswith('<img src=x onerror="document'))
    for size in sizes:
        for scheme in ("light", "dark"):
            page.emulate(scheme, size)
            check(f"{scheme}, {size}: long code scrolls inside the window",
                  page.js("return document.documentElement.scrollWidth <= innerWidth"))
            page.js("document.querySelector('.turn:last-child').scrollIntoView()")
            page.picture(f"markdown-{scheme}-{size}")
    page.emulate("light", "wide")
    # The real model's context would not hold these answers.
    page.find("#clear").click()
