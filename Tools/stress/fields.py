"""Every number of a request at its bounds, beyond them, and written in every odd way."""
import json
import math
import re

import survival
import wire

INT64 = 2**63
# Texts that stand where a number should: most are no JSON, some no number, some beyond what a field can mean.
ODD = (
    "-9223372036854775808", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "9007199254740993",
    "-9007199254740993", "18446744073709551616", "1e308", "-1e308", "1e309", "-1e309", "1e99999", "1e-99999", "5e-324",
    "-5e-324", "2.2250738585072011e-308", "-0", "-0.0", "0", "1", "-1", "0.0", "1.0", "1.5", "1e0", "10e-1", "1E+0",
    "4294967296", "2147483648", "-2147483649", "NaN", "nan", "Infinity", "-Infinity", "inf", "0x10", "1_000", "01",
    "+1", ".5", "1.", "1e", "--1", "1,000", '"1"', '"NaN"', '""', "true", "false", "[]", "{}", "[1]", "9" * 400, "9" * 600,
    "0." + "0" * 300 + "1", "0." + "9" * 600, "1" + "0" * 308, "1" + "0" * 309)
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class Numeric:
    """A field and the values that it takes. kind: what a value must be to be taken at all."""

    def __init__(self, name, kind, low, high, **others):
        self.name, self.kind, self.low, self.high, self.others = name, kind, low, high, others

    def bounds(self):
        """Both sides of each bound."""
        for bound in (self.low, self.high):
            if self.kind == "integer":
                yield from (str(bound - 1), str(bound), str(bound + 1))
            else:
                yield from map(repr, (math.nextafter(bound, -math.inf), float(bound), math.nextafter(bound, math.inf)))

    def takes(self, text):
        """Whether the server must answer 200."""
        if not NUMBER.fullmatch(text) or len(text) > 512:
            return False
        is_integer = re.fullmatch(r"-?[0-9]+", text) is not None
        if self.kind == "integer":
            return is_integer and -INT64 <= int(text) < INT64 and self.low <= int(text) <= self.high
        return math.isfinite(float(text)) and self.low <= float(text) <= self.high


def generation():
    """What both kinds of generating requests have."""
    random = {"temperature": 1, "seed": 1}
    return [
        Numeric("temperature", "number", 0, 2), Numeric("top_p", "number", 0, 1, **random),
        Numeric("min_p", "number", 0, 1, **random), Numeric("top_k", "integer", -1, 2**31 - 1, **random),
        Numeric("frequency_penalty", "number", -2, 2), Numeric("presence_penalty", "number", -2, 2),
        Numeric("repetition_penalty", "number", 0.001, 1000), Numeric("repeat_penalty", "number", 0.001, 1000),
        Numeric("seed", "integer", -INT64, INT64 - 1, temperature=1), Numeric("n", "integer", 1, 4),
        Numeric("priority", "integer", -1_000_000, 1_000_000), Numeric("typical_p", "number", 1, 1),
        Numeric("mirostat", "number", 0, 0), Numeric("dry_multiplier", "number", 0, 0),
        Numeric("xtc_probability", "number", 0, 0), Numeric("min_tokens", "number", 0, 0)]


def targets(model, vocabulary, room, width):
    """Path, the request around the number, and the fields; `room`: tokens that the context leaves to an answer."""
    chat = {"model": model, "messages": [{"role": "user", "content": "a"}], "max_tokens": 2}
    text = {"model": model, "prompt": [7] * 8, "max_tokens": 2}
    without = {"model": model, "prompt": [7] * 8}
    yield "/v1/completions", text, generation() + [Numeric("logprobs", "integer", 0, 20)]
    yield "/v1/completions", without, [Numeric("max_tokens", "integer", 0, room)]
    yield "/v1/completions", text, [
        Numeric("best_of", "integer", 1, 1), Numeric("stop_token_ids", "integer", 0, vocabulary - 1, wrap="[%s]"),
        Numeric("logit_bias", "number", -100, 100, wrap='{"7": %s}')]
    yield "/v1/completions", {"model": model, "max_tokens": 2}, [
        Numeric("prompt", "integer", 0, vocabulary - 1, wrap="[%s]")]
    yield "/v1/chat/completions", chat, generation() + [
        Numeric("top_logprobs", "integer", 0, 20, logprobs=True)]
    yield "/v1/embeddings", {"model": model, "input": "a"}, [Numeric("dimensions", "integer", width, width)]
    yield "/detokenize", {}, [Numeric("tokens", "integer", 0, vocabulary - 1, wrap="[%s]")]


def request(path, body, field, text):
    others = {name: value for name, value in field.others.items() if name != "wrap"}
    members = {name: value for name, value in {**body, **others}.items() if name != field.name}
    start = json.dumps(members)[:-1]
    value = field.others.get("wrap", "%s") % text
    return wire.post(path, f'{start}{", " if members else ""}"{field.name}": {value}}}'.encode())


def refuse_constant(name):
    raise ValueError(f"the answer has {name}")


def verdict(field, text, status, body):
    """None, or what is wrong with an answer."""
    answer = json.loads(body, parse_constant=refuse_constant)
    if field.takes(text):
        if status != 200:
            return f"{status} {answer['error']['message'][:80]}"
        ends = {choice["finish_reason"] for choice in answer.get("choices", [])}
        return None if ends <= {"stop", "length"} else f"finish reasons {ends}"
    if text in ("null", "[]") and status == 200:
        return None
    if status != 400:
        return f"{status} instead of 400"
    error = answer["error"]
    is_named = error["code"] == "invalid_json" or (error["param"] or "").startswith(field.name)
    return None if is_named else f"the error names {error['param']}: {error['message'][:80]}"


def cases(run, model, room, width):
    for path, body, numbers in targets(model, run.vocabulary, room, width):
        for place, field in enumerate(numbers):
            odd = ODD[place % 9::9] if run.quick else ODD
            for text in dict.fromkeys([*odd, *field.bounds()]):
                # Nested into an array or object, these are others.
                if "wrap" in field.others and text[0] in '[{"' or text == "1,000":
                    continue
                yield path, body, field, text


def attack(run, server, room, width, around=None):
    wrong, count, taken = [], 0, 0
    connection = wire.Connection(server.port, source="127.0.4.2")
    for path, body, field, text in cases(run, server.model, room, width):
        try:
            status, answer = connection.ask(request(path, body, field, text))
            problem = verdict(field, text, status, answer)
        except (OSError, wire.Closed, ValueError, KeyError) as error:
            status, problem = None, repr(error)
            connection.close()
            connection = wire.Connection(server.port, source="127.0.4.2")
        count += 1
        taken += status == 200
        if problem:
            wrong.append(f"{path} {field.name} {text[:30]}: {problem}")
        if around and count % 100 == 0:
            around.watch()
    connection.close()
    return wrong, count, taken


def part(run):
    context = 256
    with run.server("--parallel", 8, "--context", context, name="fields") as server:
        around = survival.Survival(run, "fields", server)
        _, embedding = wire.ask(server.port, wire.post("/v1/embeddings", {"model": server.model, "input": "a"}))
        width = len(json.loads(embedding)["data"][0]["embedding"])
        room = context - 8
        if not run.quick:
            attack(run, server, room, width)
        around.before()
        found = []
        around.beside(lambda: found.append(attack(run, server, room, width, around)), None)
        wrong, count, taken = found[0]
        run.report.check(
            "fields", f"{count} requests: taken within the bounds, else a 400 that names the field", not wrong,
            f"{taken} taken, {len(wrong)} wrong" + (f": {wrong[:6]}" if wrong else ""))
        around.after()
