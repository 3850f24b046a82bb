"""Runs real clients of OpenAI's API, unmodified, against a running server. Called by Tools/check-clients.

usage: clients-test.py URL KEY MODEL BUSY_URL

BUSY_URL: a second server that runs one request at a time and lets one wait.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

URL, KEY, MODEL, BUSY_URL = sys.argv[1:5]
BASE = URL + "/v1"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import langchain_openai
import litellm
import openai

import clients_structured

litellm.suppress_debug_info = True

ASK = [{"role": "system", "content": "Tell stories."}, {"role": "user", "content": "Lily went to the park"}]
failures = []


def check(claim, holds, detail=""):
    if not holds:
        failures.append(claim)
    print(f"{'ok' if holds else 'FAILED':6} {claim}" + (f" ({detail})" if detail and not holds else ""), flush=True)


def error_of(action):
    try:
        action()
    except Exception as error:
        return error
    return None


def client(**options):
    return openai.OpenAI(**{"base_url": BASE, "api_key": KEY, "max_retries": 0, **options})


def test_openai_chat():
    api = client()
    check("openai: models.list", [model.id for model in api.models.list()] == [MODEL])
    check("openai: models.retrieve", api.models.retrieve(MODEL).object == "model")
    whole = api.chat.completions.create(model=MODEL, messages=ASK, max_tokens=24, temperature=0)
    text, usage = whole.choices[0].message.content, whole.usage
    check("openai: a chat answer with usage", text and usage.completion_tokens == 24
          and usage.total_tokens == usage.prompt_tokens + 24 and whole.choices[0].finish_reason == "length", str(usage))
    stream = list(api.chat.completions.create(
        model=MODEL, messages=ASK, max_tokens=24, temperature=0, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    check("openai: the streamed answer is the same text", "".join(pieces) == text and len(pieces) > 5)
    check("openai: the stream's usage", stream[-1].usage and stream[-1].usage.completion_tokens == 24)
    check("openai: a repeated prompt is cached", stream[-1].usage.prompt_tokens_details.cached_tokens > 0)
    draws = [api.chat.completions.create(model=MODEL, messages=ASK, max_tokens=24, temperature=1, seed=seed)
             .choices[0].message.content for seed in (5, 5, 6)]
    check("openai: a seed repeats an answer", draws[0] == draws[1] != draws[2])
    stopped = api.chat.completions.create(model=MODEL, messages=ASK, max_tokens=200, temperature=0, stop=[text[5:9]])
    check("openai: stop", stopped.choices[0].message.content == text[:text.index(text[5:9])]
          and stopped.choices[0].finish_reason == "stop", stopped.choices[0].message.content)
    both = api.chat.completions.create(model=MODEL, messages=ASK, max_tokens=8, n=2, temperature=1, seed=1)
    check("openai: n", len(both.choices) == 2 and both.choices[0].message.content != both.choices[1].message.content)


def test_openai_logprobs():
    api = client()
    answer = api.chat.completions.create(
        model=MODEL, messages=ASK, max_tokens=6, temperature=0, logprobs=True, top_logprobs=3).choices[0]
    content = answer.logprobs.content
    check("openai: chat logprobs", len(content) == 6 and all(len(token.top_logprobs) == 3 for token in content)
          and all(token.logprob == token.top_logprobs[0].logprob <= 0 for token in content))
    check("openai: their bytes are the text",
          b"".join(bytes(token.bytes) for token in content).decode().strip() == answer.message.content.strip())
    echo = api.completions.create(
        model=MODEL, prompt="Once upon a time", max_tokens=0, echo=True, logprobs=2, temperature=0).choices[0]
    check("openai: completion logprobs of an echoed prompt", echo.text == "Once upon a time"
          and echo.logprobs.token_logprobs[0] is None and all(p <= 0 for p in echo.logprobs.token_logprobs[1:])
          and len(echo.logprobs.tokens) == len(echo.logprobs.text_offset) == len(echo.logprobs.token_logprobs))
    several = api.completions.create(model=MODEL, prompt=["Once", "A dog"], max_tokens=4, temperature=0)
    tokens = api.completions.create(model=MODEL, prompt=[1, 403, 407], max_tokens=4, temperature=0)
    check("openai: several prompts and token ids", len(several.choices) == 2 and tokens.usage.prompt_tokens == 3)


def test_openai_embeddings():
    api = client()
    # The package asks for base64 and decodes it itself.
    decoded = api.embeddings.create(model=MODEL, input=["a cat", "a cat", "the sea"])
    plain = api.embeddings.create(model=MODEL, input="a cat", encoding_format="float")
    vectors = [entry.embedding for entry in decoded.data]
    check("openai: embeddings", len(vectors) == 3 and len(vectors[0]) == 64 and vectors[0] == vectors[1] != vectors[2])
    check("openai: base64 and float agree", max(
        abs(a - b) for a, b in zip(vectors[0], plain.data[0].embedding)) < 1e-6)


def test_openai_errors():
    api = client()
    wrong_key = error_of(lambda: client(api_key="wrong").models.list())
    check("openai: a wrong key", isinstance(wrong_key, openai.AuthenticationError)
          and wrong_key.code == "invalid_api_key" and "wrong" not in wrong_key.message.replace("wrong key", ""),
          repr(wrong_key))
    unknown = error_of(lambda: api.chat.completions.create(model="none", messages=ASK))
    check("openai: an unknown model", isinstance(unknown, openai.NotFoundError) and unknown.code == "model_not_found",
          repr(unknown))
    field = error_of(lambda: api.chat.completions.create(model=MODEL, messages=ASK, extra_body={"colour": "red"}))
    check("openai: an unknown field is named", isinstance(field, openai.BadRequestError) and field.param == "colour",
          repr(field))
    value = error_of(lambda: api.chat.completions.create(model=MODEL, messages=ASK, temperature=-1))
    check("openai: a wrong value is named", isinstance(value, openai.BadRequestError) and value.param == "temperature",
          repr(value))
    long = error_of(lambda: api.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "once upon a time " * 2000}]))
    check("openai: a prompt that is too long", isinstance(long, openai.BadRequestError)
          and long.code == "context_length_exceeded", repr(long))
    route = error_of(lambda: api.images.generate(model=MODEL, prompt="a cat"))
    check("openai: a route that is not there", isinstance(route, openai.NotFoundError), repr(route))


def test_structured():
    clients_structured.run(BASE, KEY, MODEL, ASK, check, error_of)


def flood(retries):
    """Ten requests at once to the server that takes two; their errors."""
    errors = []

    def ask():
        api = client(base_url=BUSY_URL + "/v1", max_retries=retries)
        error = error_of(lambda: api.chat.completions.create(
            model=MODEL, messages=ASK, max_tokens=300, temperature=0, extra_body={"ignore_eos": True}))
        if error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_openai_retries():
    errors = flood(retries=0)
    check("openai: a full queue is a 503 with the time to wait", errors and all(
        isinstance(error, openai.InternalServerError) and error.status_code == 503
        and error.code == "server_is_overloaded" and int(error.response.headers["retry-after"]) >= 1
        for error in errors), repr(errors[:1]))
    errors = flood(retries=20)
    check("openai: with retries all are answered", not errors, repr(errors[:1]))


async def ask_all(api, prompts):
    answers = await asyncio.gather(*[
        api.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": prompt}], max_tokens=32,
                                    temperature=0) for prompt in prompts])
    return [answer.choices[0].message.content for answer in answers]


async def test_openai_async():
    api = openai.AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0)
    prompts = [f"The {animal} ran" for animal in ("dog", "cat", "bird", "fish", "horse", "mouse", "bear", "frog")]
    alone = [(await ask_all(api, [prompt]))[0] for prompt in prompts]
    check("openai async: eight at once answer as each alone", await ask_all(api, prompts) == alone)
    text = ""
    async for chunk in await api.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": prompts[0]}], max_tokens=32, temperature=0, stream=True):
        if chunk.choices:
            text += chunk.choices[0].delta.content or ""
    check("openai async: streaming", text == alone[0])
    await api.close()


def test_langchain():
    chat = langchain_openai.ChatOpenAI(
        base_url=BASE, api_key=KEY, model=MODEL, temperature=0, max_tokens=16, max_retries=0)
    answer = chat.invoke([("system", "Tell stories."), ("user", "Lily went to the park")])
    check("langchain: invoke", answer.content and answer.usage_metadata["output_tokens"] == 16,
          str(answer.usage_metadata))
    pieces = list(chat.stream([("system", "Tell stories."), ("user", "Lily went to the park")]))
    check("langchain: stream", "".join(piece.content for piece in pieces) == answer.content and len(pieces) > 5)
    batch = chat.batch(["One", "Two", "Three"])
    check("langchain: batch", len(batch) == 3 and all(answer.content for answer in batch))
    scored = chat.bind(logprobs=True, top_logprobs=2).invoke("A cat")
    check("langchain: logprobs", len(scored.response_metadata["logprobs"]["content"]) == 16)
    # Else it would cut texts by the tokens of OpenAI's own models.
    embeddings = langchain_openai.OpenAIEmbeddings(
        base_url=BASE, api_key=KEY, model=MODEL, check_embedding_ctx_length=False)
    check("langchain: embeddings", len(embeddings.embed_documents(["a", "b"])[1]) == 64)


def test_litellm():
    settings = {"model": "openai/" + MODEL, "api_base": BASE, "api_key": KEY, "max_tokens": 16, "temperature": 0}
    answer = litellm.completion(messages=ASK, **settings)
    check("litellm: completion", answer.choices[0].message.content and answer.usage.completion_tokens == 16)
    pieces = [chunk.choices[0].delta.content or "" for chunk in litellm.completion(messages=ASK, stream=True, **settings)
              if chunk.choices]
    check("litellm: streaming", "".join(pieces) == answer.choices[0].message.content)
    parallel = asyncio.run(litellm.acompletion(messages=ASK, **settings))
    check("litellm: async", parallel.choices[0].message.content == answer.choices[0].message.content)
    vectors = litellm.embedding(model="openai/" + MODEL, api_base=BASE, api_key=KEY, input=["a cat"],
                                encoding_format="float")
    check("litellm: embedding", len(vectors.data[0]["embedding"]) == 64)
    error = error_of(lambda: litellm.completion(messages=ASK, **{**settings, "api_key": "wrong"}))
    check("litellm: a wrong key", isinstance(error, litellm.AuthenticationError), repr(error)[:200])


def test_llm():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "extra-openai-models.yaml").write_text(
            f"- model_id: local\n  model_name: {MODEL}\n  api_base: {BASE}\n  api_key_name: local\n")
        environment = dict(os.environ, LLM_USER_PATH=folder)
        tool = str(Path(sys.executable).with_name("llm"))

        def run(*arguments):
            return subprocess.run([tool, *arguments], env=environment, capture_output=True, text=True, timeout=60)

        streamed = run("-m", "local", "--key", KEY, "-o", "max_tokens", "16", "-o", "temperature", "0", "A cat")
        whole = run("-m", "local", "--key", KEY, "-o", "max_tokens", "16", "-o", "temperature", "0", "--no-stream",
                    "A cat")
        check("llm: an answer", streamed.returncode == 0 and streamed.stdout.strip(), streamed.stderr)
        check("llm: without streaming the same", whole.stdout == streamed.stdout, whole.stderr)
        goes_on = run("-c", "--key", KEY, "-o", "max_tokens", "8", "And then?")
        check("llm: a conversation goes on", goes_on.returncode == 0 and goes_on.stdout.strip(), goes_on.stderr)


def test_curl():
    def curl(path, body=None, *options):
        data = [] if body is None else ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        return subprocess.run(["curl", "-sS", "-N", *options, *data, URL + path], capture_output=True, text=True).stdout

    key = ["-H", f"Authorization: Bearer {KEY}"]
    body = {"model": MODEL, "messages": ASK, "max_tokens": 5}
    answer = json.loads(curl("/v1/chat/completions", body, *key))
    check("curl: an answer", answer["object"] == "chat.completion" and answer["usage"]["completion_tokens"] == 5)
    events = curl("/v1/chat/completions", {**body, "stream": True}, *key).split("\n\n")
    check("curl: server-sent events end with [DONE]", events[-2] == "data: [DONE]" and events[-1] == ""
          and all(event.startswith("data: {") for event in events[:-2]))
    check("curl: health without a key", json.loads(curl("/health"))["status"] == "ok")
    refused = json.loads(curl("/v1/models"))["error"]
    check("curl: errors have OpenAI's four fields", set(refused) == {"message", "type", "param", "code"})


def main():
    for test in (test_openai_chat, test_openai_logprobs, test_openai_embeddings, test_openai_errors,
                 test_structured, test_openai_retries, test_openai_async, test_langchain, test_litellm, test_llm, test_curl):
        try:
            result = test()
            if asyncio.iscoroutine(result):
                asyncio.run(result)
        except Exception as error:
            check(f"{test.__name__} runs to its end", False, f"{type(error).__name__}: {error}")
    print(f"clients: {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
