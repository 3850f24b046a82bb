#!/usr/bin/env python3
"""Golden data of the schema tests: documents, and whether the PyPI package jsonschema calls them valid.

  pip install jsonschema==4.25.1 rfc3339-validator==0.1.4
  Tools/golden-schemas.py > Tests/IsterServerTests/Golden/schemas.json

`valid`: written in the form that Ister generates, members in the schema's order. `invalid`: the same with a value or
some bytes changed, if the result is no JSON or jsonschema refuses it. What is changed and still valid is left out: the
grammar may or may not hold it.
"""
import json
import random

from jsonschema import Draft202012Validator

from golden_schemas import SCHEMAS

random.seed(20)
TEXTS = ["", "a", "ab", "hello", "é", "日本", "😀 x", "quote \" \\ / \n", "x" * 9, "-1", "null"]
ANY = [None, True, False, 0, -7, 12, 2.5, "s", "", [], [1], {}, {"k": None}]
FORMATS = {
    "date": ["2024-02-28", "1999-12-31"], "time": ["23:59:59Z", "00:00:00.25+01:30"],
    "date-time": ["2024-06-30T12:00:01Z", "1985-04-12T23:20:50.52-08:00"],
    "uuid": ["123e4567-e89b-12d3-a456-426614174000"], "ipv4": ["127.0.0.1", "255.0.10.9"],
}


def strict(text):
    """The document, or an error; Python's own reader takes NaN and keys that come twice."""
    def members(pairs):
        if len({key for key, _ in pairs}) < len(pairs):
            raise LookupError("a key comes twice")
        return dict(pairs)

    def constant(_):
        raise ValueError("no JSON")

    return json.loads(text, parse_constant=constant, object_pairs_hook=members)


def resolve(root, reference):
    value = root
    for part in reference.split("/")[1:]:
        value = value[part.replace("~1", "/").replace("~0", "~")]
    return value


def number(schema):
    low = max(schema.get("minimum", 1 - 10**9), schema.get("exclusiveMinimum", -10**9))
    high = min(schema.get("maximum", 10**9 - 1), schema.get("exclusiveMaximum", 10**9))
    choices = [low, high, low + 1, high - 1, 0, 5, -3, random.randint(int(low), int(high))]
    if schema["type"] == "number":
        choices += [low + 0.5, high - 0.25, 0.125, -2.5, low + (high - low) / 3]
        choices = [round(value, 5) for value in choices]
    return random.choice(choices)


def value(schema, root, depth=0):
    """A document in the order of the schema; it may be invalid, which the caller finds out."""
    if schema is True or schema == {}:
        return random.choice(ANY)
    if schema is False:
        return None
    if "$ref" in schema:
        return value(resolve(root, schema["$ref"]), root, depth + 1)
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return value(random.choice(schema[union]), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return random.choice(schema["enum"])
    kind = schema.get("type")
    if isinstance(kind, list):
        return value({**schema, "type": random.choice(kind)}, root, depth)
    if kind is None:
        kind = "object" if "properties" in schema or "required" in schema else "string" if "maxLength" in schema else None
    if kind == "string":
        return random.choice(FORMATS[schema["format"]] if "format" in schema else TEXTS)
    if kind in ("integer", "number"):
        return number(schema)
    if kind == "array":
        items = [value(item, root, depth + 1) for item in schema.get("prefixItems", [])]
        items += [value(schema.get("items", True), root, depth + 1) for _ in range(random.randint(0, 3 if depth < 4 else 0))]
        return items[:random.choice([schema.get("maxItems", 9), len(items)])]
    if kind == "object":
        required = schema.get("required", [])
        named = schema.get("properties", {})
        members = {key: value(inner, root, depth + 1) for key, inner in named.items()
                   if key in required or (depth < 4 and random.random() < 0.6 and inner is not False)}
        other = schema.get("additionalProperties", not named and not required)
        for key in required:
            if key not in members:
                members[key] = value(True if "additionalProperties" not in schema else other, root, depth + 1)
        if other is not False:
            for key in random.sample(["x", "abc", "n", "é", "naï", "zz"], random.randint(0, 2)):
                members.setdefault(key, value(other, root, depth + 1))
        return members
    return random.choice([None] if kind == "null" else [True, False])


def written(document, schema):
    # Known values are written in one way only.
    known = isinstance(schema, dict) and ("const" in schema or "enum" in schema)
    style = {"separators": (",", ":")} if known else random.choice([{"separators": (",", ":")}, {}, {"indent": 2}])
    return json.dumps(document, ensure_ascii=False, **style)


def changed(document):
    """The document with another value somewhere, a member more or one less."""
    if isinstance(document, dict) and document and random.random() < 0.8:
        key = random.choice(list(document))
        how = random.random()
        if how < 0.3:
            return {k: v for k, v in document.items() if k != key}
        if how < 0.5:
            return {**document, random.choice(["other", "a", "kind"]): random.choice(ANY)}
        return {**document, key: changed(document[key])}
    if isinstance(document, list) and document and random.random() < 0.8:
        index = random.randrange(len(document))
        if random.random() < 0.4:
            return document + [random.choice(ANY)]
        return document[:index] + [changed(document[index])] + document[index + 1:]
    if isinstance(document, str) and random.random() < 0.6:
        return document + random.choice(["x", "xx", "€", "0"])
    if isinstance(document, (int, float)) and random.random() < 0.6:
        return document + random.choice([-1000, -1, -0.5, 0.5, 1, 1000])
    return random.choice(ANY)


def damaged(text):
    """The text with one character lost, doubled, added or replaced."""
    place = random.randrange(len(text))
    other = random.choice("{}[],:\"\\ 0-e.tn\n\u0001")
    return random.choice([
        text[:place] + text[place + 1:], text[:place] + other + text[place:], text[:place] + other + text[place + 1:],
        text[:place], text + other.strip("\n ") if other.strip("\n ") else text[:place],
    ])


def main():
    cases = []
    for schema in SCHEMAS:
        validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        valid, invalid = set(), set()
        for _ in range(200):
            document = value(schema, schema)
            if len(valid) < 5 and validator.is_valid(document):
                valid.add(written(document, schema))
            if not valid or len(invalid) == 10:
                continue
            text = written(changed(document), schema) if random.random() < 0.5 else damaged(random.choice(sorted(valid)))
            try:
                is_valid = validator.is_valid(strict(text))
            except LookupError:
                continue
            except ValueError:
                is_valid = False
            if not is_valid:
                invalid.add(text)
        assert valid, schema
        cases.append({"schema": schema, "valid": sorted(valid), "invalid": sorted(invalid)})
    print(json.dumps(cases, ensure_ascii=False, indent=0))


main()
