"use strict";
// The server's API: requests with the key, event streams, metrics. Knows nothing of the page.

class ApiError extends Error {
  constructor(title, detail, status) {
    super(detail);
    this.title = title;
    this.status = status;
  }
}

const titles = {
  400: "The server refused the request", 401: "The server asks for an API key", 403: "Not allowed",
  404: "Not found", 413: "The message is too long", 429: "Too many requests", 503: "The server is busy",
};

async function request(path, key, options = {}) {
  const headers = { ...options.headers };
  if (key) headers.Authorization = "Bearer " + key;
  let response;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("No answer from the server", "It may have stopped, or the connection is down.", 0);
  }
  if (!response.ok) throw await refusal(response, key);
  return response;
}

async function refusal(response, key) {
  let detail = response.statusText;
  try {
    detail = (await response.json()).error.message;
  } catch { /* Not the API's error object: the status line has to do. */ }
  const wait = response.headers.get("Retry-After");
  if (wait && response.status !== 401) detail += ` Try again in ${wait} s.`;
  let title = titles[response.status] || `The server answered with status ${response.status}`;
  if (response.status === 401 && key) title = "The server does not know this API key";
  return new ApiError(title, detail, response.status);
}

// Yields the JSON of each event. Ends after [DONE]; a stream that ends without it was cut.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      let chunk;
      try {
        chunk = await reader.read();
      } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new ApiError("The answer was cut off", "The connection to the server was lost.", 0);
      }
      if (chunk.done) throw new ApiError("The answer was cut off", "The server closed the connection.", 0);
      const blocks = (rest + chunk.value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const data = block.split(/\r?\n/).filter((line) => line.startsWith("data:"))
          .map((line) => line.slice(5).trimStart()).join("\n");
        if (data === "[DONE]") return;
        if (!data) continue;
        const event = JSON.parse(data);
        if (event.error) throw new ApiError("The server ended the answer", event.error.message, 0);
        yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function* streamChat(body, key, signal) {
  const response = await request("/v1/chat/completions", key, {
    method: "POST", signal, headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
  });
  yield* events(response);
}

async function listModels(key) {
  const { data } = await (await request("/v1/models", key)).json();
  return data.map((model) => model.id);
}

// Prometheus text to sums by name, over all labels.
async function readMetrics(key) {
  const text = await (await request("/metrics", key)).text();
  const sums = new Map();
  for (const line of text.split("\n")) {
    const match = /^([A-Za-z_:][\w:]*)(?:\{.*\})?\s+(\S+)/.exec(line);
    if (match) sums.set(match[1], (sums.get(match[1]) || 0) + Number(match[2]));
  }
  return sums;
}
