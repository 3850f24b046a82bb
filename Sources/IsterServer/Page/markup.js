// Markdown as elements. Text only ever becomes text nodes, and links lead to the web only. Work is bounded: nesting by
// depth, each search for an end by remembering the ones that failed.

const deepest = 6;
const spanPatterns = {
  link: /\[([^[\]]{1,1000})\]\(<?(https?:\/\/(?:[^\s<>()]|\([^\s<>()]*\)){1,2000})>?(?:\s+"[^"]{0,1000}")?\)/iy,
  address: /<(https?:\/\/[^\s<>]{1,2000})>/iy,
};

function matchAt(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function blockElement(block, depth) {
  switch (block.kind) {
  case "heading": return spans(element("h" + Math.min(block.level + 2, 6)), block.text);
  case "rule": return element("hr");
  case "code": return codeElement(block);
  case "quote": return appendBlocks(element("blockquote"), block.lines, depth + 1);
  case "list": return listElement(block, depth);
  case "table": return tableElement(block);
  default: return spans(element("p"), block.text);
  }
}

function appendBlocks(parent, lines, depth) {
  if (depth > deepest) {
    parent.append(lines.join("\n"));
    return parent;
  }
  for (const block of splitBlocks(lines)) if (block.kind !== "blank") parent.append(blockElement(block, depth));
  return parent;
}

function codeElement(block) {
  const node = element("div", "code");
  const code = element("code", "", block.text);
  const pre = element("pre");
  pre.tabIndex = 0;
  pre.append(code);
  const head = element("div", "code-head");
  head.append(element("span", "", block.language));
  if (navigator.clipboard) {
    const copy = button("Copy", async () => {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    });
    copy.setAttribute("aria-label", "Copy this code");
    head.append(copy);
  }
  node.append(head, pre);
  return node;
}

function listElement(block, depth) {
  const list = element(block.ordered ? "ol" : "ul");
  if (block.ordered && block.start !== 1) list.start = block.start;
  for (const lines of block.items) {
    const item = element("li");
    const blocks = splitBlocks(lines).filter((part) => part.kind !== "blank");
    for (const part of depth < deepest ? blocks : []) {
      if (part.kind === "paragraph" && !block.loose) spans(item, part.text);
      else item.append(blockElement(part, depth + 1));
    }
    if (depth >= deepest) item.append(lines.join("\n"));
    list.append(item);
  }
  return list;
}

function tableElement(block) {
  const row = (cells, tag) => {
    const node = element("tr");
    block.head.forEach((_, index) => {
      const cell = spans(element(tag, block.sides[index]), cells[index] || "");
      node.append(cell);
    });
    return node;
  };
  const head = element("thead");
  head.append(row(block.head, "th"));
  const body = element("tbody");
  body.append(...block.rows.map((cells) => row(cells, "td")));
  const table = element("table");
  table.append(head, body);
  const frame = element("div", "table");
  frame.tabIndex = 0;
  frame.append(table);
  return frame;
}

// MARK: Inside a line

// Appends text with its emphasis, code and links.
function spans(parent, text, depth = 0) {
  const dead = new Set();
  let plain = "";
  const flush = () => {
    if (plain) parent.append(plain);
    plain = "";
  };
  for (let at = 0; at < text.length;) {
    const found = "`[<*_~".includes(text[at]) && depth < deepest ? spanAt(text, at, dead, depth) : null;
    if (found) {
      flush();
      parent.append(found.node);
      at = found.end;
    } else if (text[at] === "\\" && /[!-/:-@[-`{-~]/.test(text[at + 1] || "")) {
      plain += text[at + 1];
      at += 2;
    } else {
      // A run of marks that nothing closes is text as a whole.
      const end = "`*_~".includes(text[at]) ? runEnd(text, at) : at + 1;
      plain += text.slice(at, end);
      at = end;
    }
  }
  flush();
  return parent;
}

function spanAt(text, at, dead, depth) {
  if (text[at] === "`") return codeSpan(text, at, dead);
  const link = matchAt(spanPatterns.link, text, at) || matchAt(spanPatterns.address, text, at);
  if (link) {
    const [label, address] = link.length > 2 ? [link[1], link[2]] : [link[1], link[1]];
    const node = linkElement(label, address, depth);
    return node && { node, end: at + link[0].length };
  }
  for (const [mark, tag] of [["**", "strong"], ["__", "strong"], ["~~", "del"], ["*", "em"], ["_", "em"]]) {
    if (!text.startsWith(mark, at) || dead.has(mark) || !opens(text, at, mark)) continue;
    const end = closing(text, at + mark.length, mark);
    if (end < 0) dead.add(mark);
    else return { node: spans(element(tag), text.slice(at + mark.length, end), depth + 1), end: end + mark.length };
  }
  return null;
}

function codeSpan(text, at, dead) {
  const mark = text.slice(at, runEnd(text, at));
  if (dead.has(mark)) return null;
  for (let end = at + mark.length; ;) {
    end = text.indexOf(mark, end);
    if (end < 0) break;
    const last = runEnd(text, end);
    if (last - end === mark.length) {
      let code = text.slice(at + mark.length, end).replaceAll("\n", " ");
      if (/^ .*[^ ].* $/.test(code)) code = code.slice(1, -1);
      return { node: element("code", "", code), end: end + mark.length };
    }
    end = last;
  }
  dead.add(mark);
  return null;
}

function linkElement(label, address, depth) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  const node = element("a");
  node.href = url.href;
  node.rel = "noopener noreferrer";
  node.target = "_blank";
  return spans(node, label, depth + 1);
}

const isSpace = (letter) => letter === undefined || /\s/.test(letter);
const isWord = (letter) => letter !== undefined && /[\p{L}\p{N}]/u.test(letter);

function runEnd(text, at) {
  let end = at + 1;
  while (text[end] === text[at]) end += 1;
  return end;
}

function opens(text, at, mark) {
  const next = text[at + mark.length];
  const isWhole = mark.length === 2 || next !== mark;
  return isWhole && !isSpace(next) && !(mark[0] === "_" && isWord(text[at - 1]));
}

// Where the mark closes what begins at `at`; -1: nowhere.
function closing(text, at, mark) {
  for (let end = at + 1; ; end += 1) {
    end = text.indexOf(mark, end);
    if (end < 0) return -1;
    const last = runEnd(text, end);
    const fits = mark.length === 2 || last - end !== 2;
    if (fits && !isSpace(text[end - 1]) && text[end - 1] !== "\\" && !(mark[0] === "_" && isWord(text[last]))) {
      return mark.length === 2 ? last - 2 : end;
    }
    end = last - 1;
  }
}

// MARK: A text that grows

// Shows a text as it comes: blocks that are complete stay, the last two, which may yet join, are made anew when they changed.
class Markdown {
  // shown: called after each change.
  constructor(root, shown) {
    this.root = root;
    this.shown = shown;
    this.source = "";
    this.done = 0;
    this.open = [];
  }

  add(text) {
    this.source += text;
    this.frame ||= requestAnimationFrame(() => this.show());
  }

  show() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const lines = this.source.slice(this.done).split("\n");
    const blocks = splitBlocks(lines);
    let isSame = true;
    const shown = blocks.map((block, index) => {
      isSame &&= this.keep(this.open[index], block);
      if (isSame) return this.open[index];
      return { block, node: block.kind === "blank" ? null : blockElement(block, 0) };
    });
    for (const old of this.open) if (!shown.includes(old)) old.node?.remove();
    for (const { node } of shown) if (node && !node.parentNode) this.root.append(node);
    const filled = [...blocks.keys()].filter((index) => blocks[index].kind !== "blank");
    const complete = filled.at(-2) ?? 0;
    const lineCount = blocks.slice(0, complete).reduce((sum, block) => sum + block.count, 0);
    for (const line of lines.slice(0, lineCount)) this.done += line.length + 1;
    this.open = shown.slice(complete);
    this.shown();
  }

  // Whether what is shown of a block can stay: it is the same, or code that grew.
  keep(old, block) {
    if (!old || old.block.kind !== block.kind) return false;
    const isCode = block.kind === "code" && old.block.language === block.language;
    if (isCode) old.node.querySelector("code").textContent = block.text;
    else if (JSON.stringify(old.block) !== JSON.stringify(block)) return false;
    old.block = block;
    return true;
  }
}
