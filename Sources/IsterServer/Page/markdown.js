// The blocks of Markdown: what models write of CommonMark, and tables.

const patterns = {
  fence: /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/,
  heading: /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/,
  rule: /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/,
  quote: /^ {0,3}> ?/,
  item: /^( *)([-*+]|\d{1,9}[.)])( +|$)/,
  tableRule: /^ {0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/,
};
const indent = (line) => line.length - line.trimStart().length;

// Blocks of lines: {kind, count of lines, …}.
function splitBlocks(lines) {
  const blocks = [];
  for (let at = 0; at < lines.length;) {
    const block = readBlock(lines, at);
    blocks.push(block);
    at += block.count;
  }
  return blocks;
}

function readBlock(lines, at) {
  const line = lines[at];
  if (line.trim() === "") return { kind: "blank", count: 1 };
  const fence = patterns.fence.exec(line);
  if (fence) return readFence(lines, at, fence);
  const heading = patterns.heading.exec(line);
  if (heading) return { kind: "heading", count: 1, level: heading[1].length, text: heading[2] };
  if (patterns.rule.test(line)) return { kind: "rule", count: 1 };
  if (patterns.quote.test(line)) return readQuote(lines, at);
  if (patterns.item.test(line)) return readList(lines, at);
  if (isTable(lines, at)) return readTable(lines, at);
  let end = at + 1;
  while (end < lines.length && !startsBlock(lines, end)) end += 1;
  return { kind: "paragraph", count: end - at, text: lines.slice(at, end).join("\n") };
}

// Whether a line ends the paragraph before it.
function startsBlock(lines, at) {
  const line = lines[at];
  const item = patterns.item.exec(line);
  return line.trim() === "" || patterns.fence.test(line) || patterns.heading.test(line) || patterns.rule.test(line)
    || patterns.quote.test(line) || (item && item[3] && !/^(?!1[.)])\d/.test(item[2])) || isTable(lines, at);
}

function readFence(lines, at, fence) {
  const body = [];
  let end = at + 1;
  for (; end < lines.length; end += 1) {
    const trimmed = lines[end].trim();
    if (trimmed.startsWith(fence[1]) && trimmed === fence[1][0].repeat(trimmed.length)) break;
    body.push(lines[end]);
  }
  const isClosed = end < lines.length;
  return { kind: "code", count: end - at + (isClosed ? 1 : 0), text: body.join("\n"), language: fence[2] };
}

function readQuote(lines, at) {
  let end = at;
  while (end < lines.length && patterns.quote.test(lines[end])) end += 1;
  return { kind: "quote", count: end - at, lines: lines.slice(at, end).map((line) => line.replace(patterns.quote, "")) };
}

// Items go on over blank lines as long as what follows is indented or another item.
function readList(lines, at) {
  const isOrdered = (mark) => /\d/.test(mark);
  const first = patterns.item.exec(lines[at]);
  const list = { kind: "list", ordered: isOrdered(first[2]), start: parseInt(first[2], 10) || 0, items: [], loose: false };
  let end = at;
  let inner = 0;
  while (end < lines.length) {
    const line = lines[end];
    const item = patterns.item.exec(line);
    if (item && (list.items.length === 0 || item[1].length < inner) && item[1].length <= first[1].length + 1) {
      if (isOrdered(item[2]) !== list.ordered || patterns.rule.test(line)) break;
      inner = item[0].length;
      list.items.push([line.slice(inner)]);
    } else if (line.trim() === "") {
      const next = lines.slice(end).find((other) => other.trim() !== "");
      if (next === undefined || (indent(next) < inner && !patterns.item.test(next))) break;
      list.items.at(-1).push("");
      list.loose = true;
    } else if (indent(line) >= Math.min(inner, first[1].length + 2) || (!startsBlock(lines, end) && lines[end - 1].trim() !== "")) {
      list.items.at(-1).push(line.slice(Math.min(indent(line), inner)));
    } else break;
    end += 1;
  }
  list.count = Math.max(end - at, 1);
  return list;
}

const isTable = (lines, at) =>
  lines[at].includes("|") && at + 1 < lines.length && lines[at + 1].includes("|") && patterns.tableRule.test(lines[at + 1]);

function tableCells(line) {
  const cells = line.trim().replace(/^\|/, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
  return cells.at(-1) === "" ? cells.slice(0, -1) : cells;
}

function readTable(lines, at) {
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim() !== "") end += 1;
  const sides = tableCells(lines[at + 1]).map((cell) =>
    cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "");
  return { kind: "table", count: end - at, sides, head: tableCells(lines[at]), rows: lines.slice(at + 2, end).map(tableCells) };
}
