"""The schemas of Tools/golden-schemas.py: those that a grammar holds."""

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"}, "age": {"type": "integer"}, "email": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "age"], "additionalProperties": False,
}

# As pydantic writes it for a model with a list of a union.
PYDANTIC = {
    "$defs": {
        "Cat": {"properties": {"kind": {"const": "cat", "title": "Kind", "type": "string"},
                               "lives": {"maximum": 9, "minimum": 0, "title": "Lives", "type": "integer"}},
                "required": ["kind", "lives"], "title": "Cat", "type": "object"},
        "Dog": {"properties": {"kind": {"const": "dog", "title": "Kind", "type": "string"},
                               "good": {"default": True, "title": "Good", "type": "boolean"}},
                "required": ["kind"], "title": "Dog", "type": "object"},
        "Colour": {"enum": ["red", "green", "blue \"sky\""], "title": "Colour", "type": "string"},
    },
    "properties": {
        "pets": {"items": {"discriminator": {"mapping": {"cat": "#/$defs/Cat", "dog": "#/$defs/Dog"},
                                             "propertyName": "kind"},
                           "oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]},
                 "maxItems": 3, "title": "Pets", "type": "array"},
        "colour": {"$ref": "#/$defs/Colour"},
        "weight": {"anyOf": [{"exclusiveMinimum": 0, "type": "number"}, {"type": "null"}], "default": None},
    },
    "required": ["pets", "colour"], "title": "Home", "type": "object",
}

TREE = {
    "$defs": {"node": {"type": "object", "properties": {
        "value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
        "required": ["value"], "additionalProperties": False}},
    "$ref": "#/$defs/node",
}


def obj(required=None, additional=None, **properties):
    schema = {"type": "object", "properties": properties}
    if required is not None:
        schema["required"] = required
    if additional is not None:
        schema["additionalProperties"] = additional
    return schema


SCHEMAS = [
    PERSON, PYDANTIC, TREE,
    {"type": "object"}, {"type": "array"}, {"type": "string"}, {"type": "integer"}, {"type": "number"},
    {"type": "boolean"}, {"type": "null"}, {}, True,
    {"type": ["string", "null"]}, {"type": ["integer", "array"], "items": {"type": "null"}, "maxItems": 2},
    {"enum": ["a", "ab", "b", 1, 2.5, None, True, {"x": [1, "é"]}, []]}, {"const": {"deep": [{"er": "\n\t\u0001"}]}},
    {"type": "integer", "enum": [1, 2, "3", 4.0]}, {"type": "string", "enum": ["é", "日本", "😀", "a/b", "\\"]},
    {"type": "string", "minLength": 2, "maxLength": 4}, {"type": "string", "minLength": 3}, {"maxLength": 0},
    {"type": "string", "maxLength": 5}, {"type": "string", "format": "date"}, {"type": "string", "format": "time"},
    {"type": "string", "format": "date-time"}, {"type": "string", "format": "uuid"},
    {"type": "string", "format": "ipv4"},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 3},
    {"type": "array", "items": {"type": "integer"}, "minItems": 2},
    {"type": "array", "items": {"type": "integer"}, "maxItems": 0}, {"type": "array", "items": False},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": {"type": "boolean"}},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2, "items": False},
    {"type": "array", "prefixItems": [{"const": 1}, {"const": 2}, {"const": 3}], "items": {"const": 4}, "minItems": 1,
     "maxItems": 4},
    {"type": "array", "items": {"type": "array", "items": {"type": "array", "items": {"type": "null"}}}},
    {"type": "integer", "minimum": 0, "maximum": 100}, {"type": "integer", "minimum": -15, "maximum": 7},
    {"type": "integer", "exclusiveMinimum": 17, "exclusiveMaximum": 4321}, {"type": "integer", "maximum": -20},
    {"type": "integer", "minimum": 1.5, "maximum": 2.5}, {"type": "integer", "minimum": -5},
    {"type": "integer", "minimum": 99, "maximum": 101, "exclusiveMinimum": 98},
    {"type": "number", "minimum": 0, "maximum": 1}, {"type": "number", "exclusiveMinimum": 0},
    {"type": "number", "exclusiveMinimum": -3, "exclusiveMaximum": 5}, {"type": "number", "minimum": -10, "maximum": -2},
    {"type": "number", "exclusiveMinimum": 999, "maximum": 1001}, {"type": "number", "minimum": 7, "maximum": 7},
    {"type": "number", "minimum": -1000000000, "maximum": 1000000000}, {"type": "number", "exclusiveMaximum": 0},
    obj(a={"type": "integer"}, b={"type": "boolean"}, c={"type": "null"}),
    obj(["b"], a={"type": "integer"}, b={"type": "boolean"}, c={"type": "null"}),
    obj(["a", "c"], False, a={"type": "integer"}, b={"type": "boolean"}, c={"type": "null"}),
    obj(["c"], {"type": "integer"}, a={"type": "string"}, ab={"type": "boolean"}, c={"type": "null"}),
    obj([], True, name={"type": "string"}, naïve={"type": "integer"}, na={"type": "null"}),
    obj(["extra"], {"type": "integer"}, a={"type": "integer"}), obj(["extra"], None, a={"type": "integer"}),
    obj([], False), {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "object", "properties": {"quote\"d": {"type": "integer"}, "": {"type": "null"}},
     "additionalProperties": {"type": "boolean"}},
    {"required": ["x"]}, {"properties": {"never": False, "x": True}},
    {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "object", "properties": {"a": {"const": 1}}}]},
    {"anyOf": [obj(["a"], False, a={"type": "integer"}), obj(["a", "b"], False, a={"type": "integer"},
                                                               b={"type": "integer"})]},
    {"oneOf": [{"type": "string"}, {"type": "boolean"}]}, {"oneOf": [{"const": "x"}, {"enum": ["y", "z"]}]},
    {"oneOf": [obj(["t"], t={"const": 1}, v={"type": "string"}), obj(["t"], t={"const": 2}, v={"type": "integer"})]},
    {"allOf": [{"$ref": "#/$defs/x"}], "$defs": {"x": {"type": "integer", "minimum": 3, "maximum": 12}}},
    {"definitions": {"a/b": {"type": "string", "maxLength": 1}}, "type": "array",
     "items": {"$ref": "#/definitions/a~1b"}},
    {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"],
     "additionalProperties": False},
    {"title": "T", "description": "d", "default": 1, "examples": [1], "$comment": "c", "deprecated": False,
     "readOnly": False, "writeOnly": False, "$schema": "https://json-schema.org/draft/2020-12/schema",
     "$id": "https://example.com/x", "type": "boolean"},
]
