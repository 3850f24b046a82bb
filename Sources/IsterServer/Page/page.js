// The page itself: settings, sending, stopping, server load.

const fields = ["key", "system", "temperature", "top_p", "max_tokens", "seed"];
const follower = new Follower(byId("scroll"));
const message = byId("message");
let turns = [];
let running = null;

function readField(id) {
  const text = byId(id).value.trim();
  return text === "" ? undefined : Number(text);
}

function requestBody() {
  const system = byId("system").value.trim();
  const body = {
    model: byId("model").value,
    messages: [...(system ? [{ role: "system", content: system }] : []), ...turns],
  };
  for (const name of ["temperature", "top_p", "max_tokens", "seed"]) {
    const value = readField(name);
    if (value !== undefined) body[name] = value;
  }
  if (byId("probabilities").checked) Object.assign(body, { logprobs: true, top_logprobs: 5 });
  return body;
}

function refreshControls() {
  byId("send").hidden = Boolean(running);
  byId("stop").hidden = !running;
  byId("send").disabled = message.value.trim() === "" || !byId("model").value;
  byId("clear").disabled = byId("log").childElementCount === 0;
  for (const example of document.querySelectorAll("#examples button")) example.disabled = !byId("model").value;
  byId("empty").hidden = byId("log").childElementCount > 0;
}

function grow() {
  message.style.height = "auto";
  message.style.height = message.scrollHeight + 2 + "px";
}

function send(text) {
  if (running || !byId("model").value) return;
  const invalid = fields.map(byId).find((field) => !field.checkValidity());
  if (invalid) {
    openSettings(true);
    invalid.reportValidity();
    return;
  }
  // A question whose answer failed is asked together with the next one: templates want the roles to alternate.
  const last = turns.at(-1);
  if (last?.role === "user") last.content += "\n\n" + text;
  else turns.push({ role: "user", content: text });
  showUser(text);
  message.value = "";
  grow();
  if (document.activeElement === byId("send")) message.focus();
  answer();
}

async function answer() {
  const controller = new AbortController();
  const current = running = { controller };
  const base = turns.length;
  for (const old of document.querySelectorAll(".foot button.retry")) old.remove();
  const view = new Answer({ retry: () => regenerate(base), shown: () => follower.follow() });
  view.retry.classList.add("retry");
  refreshControls();
  follower.follow(true);
  byId("status").textContent = "The answer begins.";
  let how;
  try {
    for await (const chunk of streamChat(requestBody(), byId("key").value, controller.signal)) {
      if (running !== current) return;
      view.add(chunk);
      follower.follow();
    }
  } catch (error) {
    how = error.name === "AbortError" ? "stopped" : error;
    if (error.status === 401) byId("key").setAttribute("aria-invalid", "true");
  }
  if (running !== current) return;
  running = null;
  view.end(how);
  if (view.text) turns.push({ role: "assistant", content: view.text });
  byId("status").textContent = how === "stopped" ? "The answer was stopped." : "The answer is complete.";
  refreshControls();
  follower.follow();
}

// Answers once more what the conversation's first `base` messages ask.
function regenerate(base) {
  if (running) return;
  turns = turns.slice(0, base);
  byId("log").lastElementChild.remove();
  answer();
}

function stop() {
  if (running) running.controller.abort();
}

function clear() {
  stop();
  running = null;
  turns = [];
  byId("log").replaceChildren();
  refreshControls();
  message.focus();
}

function openSettings(open) {
  document.body.classList.toggle("settings-open", open);
  byId("open-settings").setAttribute("aria-expanded", String(open));
  const isSheet = open && matchMedia("(max-width: 56rem)").matches;
  for (const part of [document.querySelector("header"), document.querySelector("main")]) part.inert = isSheet;
  if (isSheet) byId("close-settings").focus();
}

// Which models there are; also tells whether the key is right.
let connecting;
let attempts = 0;
async function connect() {
  clearTimeout(connecting);
  const attempt = ++attempts;
  const select = byId("model");
  try {
    const names = await listModels(byId("key").value);
    // The answer for an older key may come after that for a newer one.
    if (attempt !== attempts) return;
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    select.disabled = names.length < 2;
    byId("key").removeAttribute("aria-invalid");
    byId("key-help").textContent = "Kept in this tab only.";
    load.start();
  } catch (error) {
    if (attempt !== attempts) return;
    select.replaceChildren(new Option(error.status === 401 && !byId("key").value ? "needs an API key" : "not connected", ""));
    byId("key-help").textContent = error.title + ".";
    byId("key").setAttribute("aria-invalid", "true");
    load.stop("");
    if (error.status !== 401) connecting = setTimeout(connect, 5000);
  }
  refreshControls();
}

// The server's load, read every two seconds while the page can be seen.
class Load {
  start() {
    clearInterval(this.timer);
    this.samples = [];
    this.before = undefined;
    this.timer = setInterval(() => document.hidden || this.read(), 2000);
    this.read();
  }

  stop(note) {
    clearInterval(this.timer);
    for (const name of ["running", "waiting", "cache", "rate"]) byId("load-" + name).textContent = "–";
    byId("load-note").textContent = note;
    byId("busy").textContent = "";
  }

  async read() {
    let metrics;
    try {
      metrics = await readMetrics(byId("key").value);
    } catch (error) {
      // A key without this right, or a server without metrics: asking again would not help.
      if (error.status) this.stop("This server does not tell its load: " + error.title.toLowerCase() + ".");
      else byId("load-note").textContent = "No answer from the server.";
      return;
    }
    byId("load-note").textContent = "";
    const value = (name) => metrics.get("ister_" + name);
    const show = (name, text) => { byId("load-" + name).textContent = text; };
    const [active, waiting] = [value("num_requests_running"), value("num_requests_waiting")];
    const cache = value("kv_cache_usage_perc");
    show("running", active ?? "–");
    show("waiting", waiting ?? "–");
    show("cache", cache === undefined ? "–" : number(cache * 100, 0) + " %");
    byId("busy").textContent = active === undefined ? "" : `${active} running · ${waiting ?? 0} waiting`;
    const now = { time: performance.now(), tokens: value("generation_tokens_total") ?? 0 };
    if (this.before && now.tokens >= this.before.tokens) {
      const rate = (now.tokens - this.before.tokens) / ((now.time - this.before.time) / 1000);
      this.samples = [...this.samples, rate].slice(-60);
      show("rate", number(rate));
      this.draw();
    }
    this.before = now;
  }

  draw() {
    const top = Math.max(...this.samples, 1);
    const points = this.samples.map((rate, index) =>
      `${(120 - 2 * (this.samples.length - 1 - index)).toFixed(1)} ${(27 - 26 * rate / top).toFixed(1)}`);
    byId("spark").firstElementChild.setAttribute("d", points.length > 1 ? "M" + points.join("L") : "");
  }
}

function rememberFields() {
  for (const id of fields) {
    byId(id).value = sessionStorage.getItem("ister." + id) || "";
    byId(id).addEventListener("input", () => sessionStorage.setItem("ister." + id, byId(id).value));
  }
  byId("probabilities").checked = sessionStorage.getItem("ister.probabilities") === "true";
  byId("probabilities").addEventListener("change", (event) =>
    sessionStorage.setItem("ister.probabilities", String(event.target.checked)));
}

const load = new Load();
new TokenTip(byId("log"));
rememberFields();
message.addEventListener("input", () => { grow(); refreshControls(); });
message.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId("composer").requestSubmit();
});
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (message.value.trim()) send(message.value.trim());
});
byId("stop").addEventListener("click", stop);
byId("clear").addEventListener("click", clear);
byId("key").addEventListener("change", connect);
byId("examples").addEventListener("click", (event) => {
  const example = event.target.closest("button");
  if (example) send(example.textContent);
});
byId("open-settings").addEventListener("click", () => openSettings(true));
byId("close-settings").addEventListener("click", () => { openSettings(false); byId("open-settings").focus(); });
matchMedia("(max-width: 56rem)").addEventListener("change", () => openSettings(false));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (running) stop();
  else openSettings(false);
});
connect();
