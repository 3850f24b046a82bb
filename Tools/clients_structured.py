"""Structured answers and tools, as the openai package and langchain ask for them. Part of Tools/clients-test.py."""

import json
from typing import Literal

import langchain_openai
import openai
import pydantic


class Pet(pydantic.BaseModel):
    kind: Literal["cat", "dog"]
    age: int = pydantic.Field(ge=1, le=20)
    friends: list[Literal["bird", "fish"]] = pydantic.Field(max_length=2)
    colour: Literal["red", "blue"] | None


def formats(api, model, ask, check, error_of):
    """`response_format`, whole and streamed."""
    for seed in range(4):
        answer = api.chat.completions.parse(
            model=model, messages=ask, response_format=Pet, max_tokens=200, temperature=1, seed=seed).choices[0]
        check(f"openai: parse, seed {seed}", isinstance(answer.message.parsed, Pet) and answer.finish_reason == "stop",
              answer.message.content)
    with api.chat.completions.stream(
            model=model, messages=ask, response_format=Pet, max_tokens=200, temperature=0) as stream:
        check("openai: parse of a stream", isinstance(stream.get_final_completion().choices[0].message.parsed, Pet))
    free = api.chat.completions.create(
        model=model, messages=ask, response_format={"type": "json_object"}, max_tokens=200, temperature=1, seed=2).choices[0]
    check("openai: json_object", free.finish_reason == "length" or isinstance(json.loads(free.message.content), dict),
          free.message.content)
    error = error_of(lambda: api.chat.completions.create(model=model, messages=ask, response_format={
        "type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "string", "pattern": "a"}}}))
    check("openai: a keyword that cannot be held is a 400 that names it", isinstance(error, openai.BadRequestError)
          and "'pattern'" in error.message, repr(error))


def tools(api, model, ask, check):
    """A call, its result, and a streamed call."""
    offered = [{"type": "function", "function": {"name": "weather", "strict": True, "parameters": {
        "type": "object", "properties": {"place": {"enum": ["Paris", "Rome"]}}, "required": ["place"],
        "additionalProperties": False}}}]
    settings = {"model": model, "tools": offered, "max_tokens": 200, "temperature": 1, "seed": 3}
    first = api.chat.completions.create(
        messages=ask, tool_choice="required", parallel_tool_calls=False, **settings).choices[0]
    calls = first.message.tool_calls or []
    check("openai: a call that is required", first.finish_reason == "tool_calls" and len(calls) == 1
          and calls[0].function.name == "weather"
          and json.loads(calls[0].function.arguments)["place"] in ("Paris", "Rome"), str(first))
    result = {"role": "tool", "tool_call_id": calls[0].id, "content": "sunny"}
    # With the call and its result little of the context is left.
    second = api.chat.completions.create(
        messages=[*ask, first.message, result], **{**settings, "max_tokens": 100}).choices[0]
    check("openai: its result goes back", second.message.content or second.message.tool_calls)
    with api.chat.completions.stream(
            messages=ask, tool_choice={"type": "function", "function": {"name": "weather"}}, parallel_tool_calls=False,
            **settings) as stream:
        whole = stream.get_final_completion().choices[0]
    check("openai: a streamed call", whole.finish_reason == "tool_calls"
          and json.loads(whole.message.tool_calls[0].function.arguments)["place"] in ("Paris", "Rome"), str(whole))
    chat = langchain_openai.ChatOpenAI(
        base_url=str(api.base_url), api_key=api.api_key, model=model, max_tokens=200, max_retries=0)
    bound = chat.bind_tools(offered, tool_choice="weather", parallel_tool_calls=False).invoke("The weather?")
    check("langchain: a tool", [call["name"] for call in bound.tool_calls] == ["weather"], str(bound))


def run(url, key, model, ask, check, error_of):
    """url: of the API. ask: messages. check, error_of: those of the caller."""
    api = openai.OpenAI(base_url=url, api_key=key, max_retries=0)
    formats(api, model, ask, check, error_of)
    tools(api, model, ask, check)
