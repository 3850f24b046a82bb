#!/usr/bin/env python3
"""Writes the golden data of Tests/IsterTokenizerTests: small tokenizers and the ids that the reference packages give.

  pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf==7.36.2
  Tools/golden-tokenizers.py

Two tokenizers in Golden/ are inputs, stories.model (SentencePiece, 512 pieces) and byte-level.json (384 pieces). The
others are made from them: the same pieces under other settings. The ids come from `sentencepiece` for .model files
and from `tokenizers` for .json files.
"""
import json, pathlib, random
import sentencepiece
import tokenizers
from sentencepiece import sentencepiece_model_pb2 as protobuf
from tokenizers import Regex, pre_tokenizers

FOLDER = pathlib.Path(__file__).parent.parent / "Tests/IsterTokenizerTests/Golden"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def strings():
    """300 strings: spaces, contractions, numbers, scripts, emoji, controls, runs, special tokens, random characters."""
    fixed = ["", " ", "  ", "a", " a", "a ", "  a  b  ", "\n", "\r\n", " \n \n x", "a\n\n b", "\t\tx", "Once upon a time, there was",
             "don't I'm we'll THEY'RE it'S 'ſx 'd 've'", "1", "12", "123", "1234567", "x1y22z333", "  12  34", "٣٤٥ ½² Ⅻ",
             "naïve café é e\u0301", "東京タワー 中文", "привет мир", "שלום", "नमस्ते", "안녕하세요", "ไทย", "👩‍👩‍👧‍👦", "🇩🇪👍🏽 ❤️", "▁", "▁▁ a", " ▁ ",
             "<s>", "</s> x", "a<s>b</s>c", "<unk>", "<|im_start|>user\nhi<|im_end|>\n", "<|endoftext|>", "<|endoftext", "x<tool>y",
             " <tool> y", "a  <trim>  b", "a<trim><trim> b", "word words word.", "sword word_ (word)", "[N] x[N]y", "the usr the", "lily Lily",
             "\x00\x01\x1f\x7f", "\u0085\u00a0\u2003x\u3000y\u2028z\u200b", "\ufeffa", "\U0010ffff\ue000", "<0x41><0x0A>", "a" * 100,
             " " * 70, "ab" * 60, "1" * 50, "\n" * 40 + "x", "!?" * 30, "the the the the the the the the the the the the the",
             "_-_-=+*/\\|{}[]()", "http://a.b/c?d=e&f=g", "if (x == 1) { return; } // ok", "\U00011de0\U00016ff4 \U000323af",
             # Equal ranks beside each other, in words long enough for the merge queue.
             "l" * 61, "o" * 63, "e" * 45, "s" * 77, "the" * 21, "lolllooloo" * 6 + "l", "themtheyandthere" * 5, "hehhehhhe" * 7,
             "lll", "lllll", "ooo", "eeeee", "sss ooo", "hehehe", "a\rb", "!\r x", " \r  \ry", "\r", "?\r\rz", "  \U00011de0  a", " \U00016ff5",
             "Lily and her mom went to the park to see the other animals there.", "They were so happy together and wanted to share the toys.",
             "One day, the little girl said that she had found something shiny."]
    rng = random.Random(20)
    planes = [(0x20, 0x7E)] * 8 + [(0, 0x1F), (0x7F, 0x17F), (0x300, 0x5FF), (0x900, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x30FF),
                                  (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFFFD), (0x10000, 0x1FFFF), (0x20000, 0x10FFFF)]
    parts = ["the ", " little", "girl", " ", "  ", "\n", "'s", "'LL", "42", "<s>", "<tool>", "<|im_end|>", ".", ", ", "Lily", "▁"]
    out = list(fixed)
    while len(out) < 300:
        text = ""
        for _ in range(rng.randint(1, 5)):
            low, high = rng.choice(planes)
            text += rng.choice(parts) if rng.random() < 0.5 else chr(rng.randint(low, high))
        out.append(text)
    return out


def save(name, value):
    (FOLDER / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def sentencepiece_variants():
    base = protobuf.ModelProto.FromString((FOLDER / "stories.model").read_bytes())
    user = protobuf.ModelProto(); user.CopyFrom(base)
    user.normalizer_spec.remove_extra_whitespaces = True
    rng = random.Random(5)
    for piece in user.pieces:
        if piece.type == 1 and len(piece.piece) > 2 and rng.random() < 0.15: piece.type = 5      # unused
        if piece.type == 1: piece.score = float(piece.score // 60)                              # many ties
    chosen = [p for p in user.pieces if p.type == 1 and len(p.piece) > 3][-4:]
    for piece, text in zip(chosen, ["usr", "▁the▁", "<tool>", "ab"]):
        piece.piece, piece.type, piece.score = text, 4, 0.0
    (FOLDER / "stories-user.model").write_bytes(user.SerializeToString())
    plain = protobuf.ModelProto(); plain.CopyFrom(base)
    kept = [p for p in plain.pieces if p.type != 6]
    del plain.pieces[:]
    plain.pieces.extend(kept)
    plain.trainer_spec.byte_fallback = False
    plain.normalizer_spec.add_dummy_prefix = False
    (FOLDER / "stories-unknown.model").write_bytes(plain.SerializeToString())
    return ["stories.model", "stories-user.model", "stories-unknown.model"]


def added(id, content, **flags):
    return dict(dict(id=id, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True), **flags)


def extra(first):
    return [added(first, "<tool>", special=False), added(first + 1, "<trim>", lstrip=True, rstrip=True),
            added(first + 2, "word", single_word=True, special=False), added(first + 3, "[N]", normalized=True, special=False)]


def byte_level_variants():
    base = json.loads((FOLDER / "byte-level.json").read_text(encoding="utf-8"))
    count = len(base["model"]["vocab"])
    byte_level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=False)
    split = lambda pattern: dict(type="Sequence", pretokenizers=[
        dict(type="Split", pattern=dict(Regex=pattern), behavior="Isolated", invert=False), byte_level])
    template = dict(type="TemplateProcessing", single=[dict(SpecialToken=dict(id="<|im_start|>", type_id=0)), dict(Sequence=dict(id="A", type_id=0)),
                    dict(SpecialToken=dict(id="<|im_end|>", type_id=0))], pair=[dict(Sequence=dict(id="A", type_id=0)), dict(Sequence=dict(id="B", type_id=1))],
                    special_tokens={t: dict(id=t, ids=[i], tokens=[t]) for i, t in ((1, "<|im_start|>"), (2, "<|im_end|>"))})
    digits = json.loads(json.dumps(base))
    digits["pre_tokenizer"] = dict(type="Sequence", pretokenizers=[dict(type="Digits", individual_digits=True), dict(byte_level, use_regex=True)])
    llama3 = json.loads(json.dumps(base))
    llama3.update(pre_tokenizer=split(LLAMA3), post_processor=dict(type="Sequence", processors=[byte_level, template]))
    llama3["added_tokens"] += extra(count)
    llama3["model"]["ignore_merges"] = True
    qwen2 = json.loads(json.dumps(base))
    qwen2.update(pre_tokenizer=split(LLAMA3.replace("{1,3}", "")))
    qwen2["model"]["merges"] = [" ".join(m) for m in qwen2["model"]["merges"]]
    prefix = json.loads(json.dumps(base))
    prefix["pre_tokenizer"] = dict(byte_level, add_prefix_space=True, use_regex=True)
    variants = {"digits.json": digits, "llama3.json": llama3, "qwen2.json": qwen2, "prefix-space.json": prefix}
    for name, value in variants.items(): save(name, value)
    return ["byte-level.json", *variants]


def metaspace_variants():
    base = protobuf.ModelProto.FromString((FOLDER / "stories.model").read_bytes())
    vocabulary = {p.piece: i for i, p in enumerate(base.pieces)}
    scores = {p.piece: p.score for p in base.pieces}
    merges = []
    for piece in base.pieces:
        for cut in range(1, len(piece.piece)):
            left, right = piece.piece[:cut], piece.piece[cut:]
            if piece.type == 1 and left in vocabulary and right in vocabulary: merges.append((left, right))
    merges.sort(key=lambda m: (-scores[m[0] + m[1]], vocabulary[m[0]], vocabulary[m[1]]))
    model = dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=True,
                 byte_fallback=True, ignore_merges=False, vocab=vocabulary, merges=[list(m) for m in merges])
    tokens = [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")] + extra(len(vocabulary))
    decoders = [dict(type="Replace", pattern=dict(String="▁"), content=" "), dict(type="ByteFallback"), dict(type="Fuse"),
                dict(type="Strip", content=" ", start=1, stop=0)]
    common = dict(version="1.0", truncation=None, padding=None, added_tokens=tokens, normalizer=None, pre_tokenizer=None, post_processor=None,
                  decoder=dict(type="Sequence", decoders=decoders), model=model)
    prepend = dict(common, normalizer=dict(type="Sequence", normalizers=[dict(type="Prepend", prepend="▁"),
                                           dict(type="Replace", pattern=dict(String=" "), content="▁")]))
    metaspace = dict(common, pre_tokenizer=dict(type="Metaspace", replacement="▁", prepend_scheme="first", split=True))
    kept = {p: i for i, p in enumerate(p for p in vocabulary if not p.startswith("<0x"))}
    metaspace["model"] = dict(model, vocab=kept, byte_fallback=False)
    metaspace["added_tokens"] = tokens[:3] + extra(len(kept))
    save("prepend.json", prepend)
    save("metaspace.json", metaspace)
    return ["prepend.json", "metaspace.json"]


def words(texts):
    """How each pre-tokenizer cuts the strings."""
    gpt2 = pre_tokenizers.Split(Regex(GPT2), "isolated")
    rules = dict(gpt2=gpt2, digits=pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2]),
                 llama3=pre_tokenizers.Split(Regex(LLAMA3), "isolated"), qwen2=pre_tokenizers.Split(Regex(LLAMA3.replace("{1,3}", "")), "isolated"))
    save("words.json", {name: [[word for word, _ in rule.pre_tokenize_str(t)] for t in texts] for name, rule in rules.items()})


class SentencePiece:
    def __init__(self, path): self.model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    def plain(self, text): return self.model.encode(text)
    def parsed(self, text): return None
    def special(self, text): return [self.model.bos_id()] + self.model.encode(text)
    def text(self, ids): return self.model.decode(ids) if self.model.unk_id() not in ids else None


class Tokenizers:
    def __init__(self, path): self.model = tokenizers.Tokenizer.from_file(str(path))

    def plain(self, text):
        self.model.encode_special_tokens = True
        return self.model.encode(text, add_special_tokens=False).ids

    def parsed(self, text):
        self.model.encode_special_tokens = False
        return self.model.encode(text, add_special_tokens=False).ids

    def special(self, text):
        self.model.encode_special_tokens = True
        return self.model.encode(text).ids

    def text(self, ids): return self.model.decode(ids, skip_special_tokens=True)


def main():
    texts = strings()
    save("strings.json", texts)
    words(texts)
    for name in sentencepiece_variants() + byte_level_variants() + metaspace_variants():
        reference = (SentencePiece if name.endswith(".model") else Tokenizers)(FOLDER / name)
        plain = [reference.plain(t) for t in texts]
        parsed, decoded = {}, {}
        for index, (text, ids) in enumerate(zip(texts, plain)):
            other = reference.parsed(text)
            if other is not None and other != ids: parsed[str(index)] = other
            back = reference.text(ids)
            if back is not None and back != text: decoded[str(index)] = back
            if back is None: decoded[str(index)] = None
        save(name + ".golden.json", dict(plain=plain, parsed=parsed, decoded=decoded, special=reference.special(texts[12])))
        print(name, len(parsed), "parse specials,", len(decoded), "decode otherwise")
    size = sum(f.stat().st_size for f in FOLDER.iterdir())
    print(f"{size} bytes; tokenizers {tokenizers.__version__}, sentencepiece {sentencepiece.__version__}")


main()
