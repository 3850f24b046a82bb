// Turns of the conversation as elements. Text of people and models only ever becomes text nodes.

const byId = (id) => document.getElementById(id);

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function button(text, action) {
  const node = element("button", "", text);
  node.type = "button";
  node.addEventListener("click", action);
  return node;
}

const number = (value, digits = 1) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

// Keeps the newest text in view unless the reader has scrolled away from it.
class Follower {
  constructor(pane) {
    this.pane = pane;
    this.follows = true;
    pane.addEventListener("scroll", () => {
      this.follows = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 48;
    }, { passive: true });
  }

  follow(always = false) {
    if (always) this.follows = true;
    if (this.follows) this.pane.scrollTop = this.pane.scrollHeight;
  }
}

function showUser(text) {
  const turn = element("article", "turn user");
  turn.setAttribute("aria-label", "You");
  turn.append(element("div", "text", text));
  byId("log").append(turn);
  return turn;
}

// One answer: its text as it comes, its figures, its error.
class Answer {
  constructor(actions) {
    this.node = element("article", "turn assistant running");
    this.node.setAttribute("aria-label", "Answer");
    this.node.setAttribute("aria-busy", "true");
    this.body = element("div", "text");
    this.markdown = new Markdown(this.body, actions.shown);
    this.figures = element("span", "figures", "Waiting for the server…");
    this.foot = element("div", "foot");
    this.foot.append(this.figures);
    this.copy = button("Copy", () => navigator.clipboard.writeText(this.text));
    this.copy.hidden = !navigator.clipboard;
    this.foot.append(this.copy);
    this.retry = button("Regenerate", actions.retry);
    this.foot.append(this.retry);
    this.node.append(this.body, this.foot);
    byId("log").append(this.node);
    this.text = "";
    this.tokens = 0;
    this.pending = [];
    this.started = performance.now();
  }

  add(chunk) {
    if (chunk.usage) this.usage = chunk.usage;
    if (chunk.timings) this.timings = chunk.timings;
    const choice = chunk.choices && chunk.choices[0];
    if (!choice) return;
    if (choice.finish_reason) this.finish = choice.finish_reason;
    const text = (choice.delta && choice.delta.content) || "";
    const scores = (choice.logprobs && choice.logprobs.content) || [];
    if (!text && !scores.length) return;
    const now = performance.now();
    if (this.first === undefined) this.first = now;
    this.last = now;
    this.tokens += scores.length || 1;
    this.text += text;
    // For tests: the text before it became elements.
    this.body.source = this.text;
    if (scores.length || this.pending.length) this.addTokens(text, scores);
    else this.markdown.add(text);
    this.showProgress(now);
  }

  // A token that ends inside a character has no text yet: it is shown with the one that completes it.
  addTokens(text, scores) {
    this.pending.push(...scores);
    if (!text) return;
    const separate = this.pending.map((score) => score.token).join("") === text;
    const groups = separate ? this.pending.map((score) => [score]) : [this.pending];
    for (const group of groups) {
      const span = element("span", "token", separate ? group[0].token : text);
      const doubt = 1 - Math.min(...group.map((score) => Math.exp(score.logprob)));
      span.style.setProperty("--doubt", (doubt * doubt * 0.6).toFixed(3));
      span.scores = group;
      this.body.append(span);
    }
    this.pending = [];
    this.body.tabIndex = 0;
  }

  showProgress(now) {
    if (this.shown && now - this.shown < 250) return;
    this.shown = now;
    const rate = this.rate();
    this.figures.textContent = `${this.tokens} tokens` + (rate ? ` · ${number(rate)} tokens/s` : "");
  }

  rate() {
    if (this.timings && this.timings.predicted_per_second) return this.timings.predicted_per_second;
    const seconds = (this.last - this.first) / 1000;
    return this.tokens > 1 && seconds > 0 ? (this.tokens - 1) / seconds : 0;
  }

  // how: "stopped" by the reader, an ApiError, or nothing.
  end(how) {
    this.node.classList.remove("running");
    if (this.markdown.source) this.markdown.show();
    this.node.removeAttribute("aria-busy");
    const parts = [];
    const count = this.usage ? this.usage.completion_tokens : this.tokens;
    if (this.first !== undefined) {
      parts.push(`${count} tokens`);
      if (this.rate()) parts.push(`${number(this.rate())} tokens/s`);
      parts.push(`first after ${number((this.first - this.started) / 1000, 2)} s`);
    }
    if (this.usage) {
      const cached = (this.usage.prompt_tokens_details || {}).cached_tokens || 0;
      parts.push(`prompt ${this.usage.prompt_tokens}` + (cached ? ` (${cached} cached)` : ""));
    }
    if (how === "stopped") parts.push("stopped");
    if (this.finish === "length") parts.push("length limit reached");
    this.figures.textContent = parts.map((part) => part.replaceAll(" ", "\u00a0")).join(" · ");
    if (!this.text) this.copy.hidden = true;
    if (how instanceof Error) {
      this.body.hidden = !this.text;
      this.retry.textContent = "Try again";
      const box = element("div", "error");
      box.setAttribute("role", "alert");
      box.append(element("strong", "", how.title || "Something went wrong in this page"), how.message);
      this.foot.before(box);
    }
  }
}

// What else was likely at a token: follows the pointer, or the arrow keys inside an answer.
class TokenTip {
  constructor(log) {
    this.tip = byId("tip");
    log.addEventListener("pointerover", (event) => this.show(event.target.closest(".token")));
    log.addEventListener("pointerleave", () => this.show(null));
    log.addEventListener("focusout", () => this.show(null));
    log.addEventListener("keydown", (event) => this.move(event));
    byId("scroll").addEventListener("scroll", () => this.show(null), { passive: true });
  }

  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !event.target.classList.contains("text")) return;
    const tokens = [...event.target.querySelectorAll(".token")];
    const at = tokens.indexOf(this.current);
    const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), tokens.length - 1);
    this.show(tokens[next]);
    event.preventDefault();
  }

  show(token) {
    if (token === this.current) return;
    if (this.current) this.current.classList.remove("current");
    this.current = token;
    this.tip.hidden = !token;
    if (!token) return;
    token.classList.add("current");
    this.tip.replaceChildren(...token.scores.flatMap((score) => this.rows(score)));
    const box = token.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const left = Math.max(8, Math.min(box.left, innerWidth - width - 8));
    const below = box.bottom + 6 + height < innerHeight;
    this.tip.style.left = left + "px";
    this.tip.style.top = (below ? box.bottom + 6 : Math.max(8, box.top - height - 6)) + "px";
    byId("status").textContent = `${token.textContent}: ${this.percent(token.scores[0].logprob)}`;
  }

  rows(score) {
    const others = score.top_logprobs || [];
    const isListed = others.some((other) => other.token === score.token && other.logprob === score.logprob);
    return (isListed ? others : [...others, score]).map((entry) => {
      const isChosen = entry.token === score.token && entry.logprob === score.logprob;
      const row = element("div", isChosen ? "row chosen" : "row");
      row.style.setProperty("--share", Math.exp(entry.logprob).toFixed(4));
      row.append(element("code", "", visible(entry.token)), element("span", "", this.percent(entry.logprob)));
      return row;
    });
  }

  percent(logprob) {
    const value = Math.exp(logprob) * 100;
    return value < 0.1 ? "< 0.1 %" : number(value) + " %";
  }
}

// White space that can be seen.
function visible(token) {
  return token.replace(/\n/g, "⏎").replace(/\t/g, "⇥").replace(/^ | $/g, "␣") || "(none)";
}
