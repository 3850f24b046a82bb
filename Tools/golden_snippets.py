"""Small templates whose results golden-templates.py stores: one a line of the language."""

VARIABLES = {
    "s": "Hello, World", "e": "", "u": "Größe 東京 \U0001f600", "n": 7, "z": 0, "f": 2.5, "t": True, "none": None, "x": "a<b>&'\"c",
    "l": [3, 1, 2], "m": [{"a": 1, "b": "x"}, {"a": 2, "b": "Y"}, {"a": 1, "b": "z"}], "d": {"k": 1, "items": 2, "Z": [1, "q"], "a b": None},
    "w": "  pad \n", "lines": "one\ntwo\r\n\nfour", "empty": [], "deep": {"a": [{"b": {"c": 5}}]},
}

WHITESPACE = [
    "a\n{% if t %}\nb\n{% endif %}\nc", "  {% if t %}  x  {% endif %}  y", "a \n  {%- if t -%}\n  b\n {%- endif %}\n", "  {%+ if t %}x{% endif %}",
    "{% if t +%}\nx{% endif %}", "{# c #}\nx", "x {#- c -#} y", "  {# c #}\n  x", "{{ s }}\n", "{{ s }}\n\n", "a\n{{- n -}}\n b", "  {{ n }}",
    "{% raw %}{{ x }} {% y %}{% endraw %}", "  {% raw %}\n  a {% endraw %}\nb", "{%- raw -%}  a  {%- endraw -%}  b", "a\r\nb\rc",
    "{% for i in l %}\n  {{ i }}\n{% endfor %}\nend", "a{% set q = 1 %}\n\n b", "x\n\t {% if t %}1{% endif %} \n", "{{ '{{' }} {{ '%}' }}", "{#\n{{ a }}\n#}b",
    "a {%- set q = 1 %} b", "{{ {'a': {'b': 1}} }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "\u00a0{%- if t %}x{% endif %}", "{% if t %}\u2028{% endif %}",
]

EXPRESSIONS = """
1 + 2 * 3|7 // 2|-7 // 2|7 % -3|-7 % 3|7 / 2|8 / 2|2 ** 10|2 ** -1|-2 ** 2|2 ** 3 ** 2|7.5 // 2|-7.5 % 2|1e3|1e16|1e15|123456789012345680.0|0.1 + 0.2|1e-5|0.0001|5e-324|1.5e300
1_000|0x1f|0b101|0o17|1.0|100.0|-0.0|10 // 0|10 % 0|1.0 / 0|true + 1|true|false|none|None|True|not 1|not ''|not not 5
1 < 2 < 3|1 < 3 < 2|1 == 1.0|true == 1|'a' < 'b'|'a' < 1|[1] < [2]|[1, 2] == [1, 2]|(1, 2) == [1, 2]|{'a': 1} == {'a': 1.0}|1 in l|9 not in l|'ell' in s|'k' in d|1 in s|none in l|undefd in s
'a' ~ 1 ~ none ~ true ~ 1.5|'a' + 'b'|'a' + 1|[1] + [2]|(1,) + (2, 3)|'ab' * 3|3 * 'ab'|[1, 2] * 2|'a' * -1|'x' 'y'|1 + none|undefd + 'a'|'a' + undefd|undefd ~ 'a'
s[0]|s[-1]|s[1:4]|s[:-3]|s[::-1]|s[::2]|s[5:1:-2]|s[100]|s[2:100]|u[6:8]|u[-1]|l[0]|l[-4]|l[1:]|l[::-1]|l[1]|(1, 2, 3)[1:]|d['k']|d.k|d.items|d['items']|d.nope|d.nope.x|d['nope']['x']|none.x|none['x']|n.x|l.0|m.0.b|s.0
{'a': 1, 'b': [1, 'x', none, true, 2.5]}|[1, 'it\\'s', "say \\"hi\\"", 'both \\' "']|(1,)|()|('a', 2)|['\\n\\t\\\\ \\x01 é 東 \\u200b']|{1: 2, none: 3, 'a': {}}|[]|{}|[[], [[]]]|{'a': 1, 'a': 2}|{1: 'a', true: 'b', 1.0: 'c'}
s.upper()|s.lower()|s.title()|'hELLO wORLD'.capitalize()|s.swapcase()|w.strip()|w.lstrip()|w.rstrip()|'xxaxx'.strip('x')|'abcab'.lstrip('ab')|s.split(',')|s.split()|'a b  c'.split(' ')|'a,b,c'.split(',', 1)|'a,b,c'.rsplit(',', 1)|' a b c '.split(none, 1)|' a b c '.rsplit(none, 1)|lines.splitlines()|lines.splitlines(true)|s.split('')
s.startswith('Hell')|s.startswith(('x', 'H'))|s.endswith('ld')|s.endswith('')|s.replace('l', 'L')|s.replace('l', 'L', 1)|'abc'.replace('', '-')|'abc'.replace('', '-', 2)|s.find('o')|s.rfind('o')|s.find('zz')|s.find('o', 5)|s.index('W')|s.index('q')|s.count('l')|'aaaa'.count('aa')|'abc'.count('')
','.join(['a', 'b'])|','.join([1])|''.join([])|'-'.join('abc')|'{} and {}'.format(1, 'b')|'{0}{1}{0}'.format('a', 'b')|'{a} {b[0]} {c.k}'.format(a=1, b=l, c=d)|'{:>5}|{:<5}|{:^5}'.format('a', 'b', 'c')|'{:05d} {:.2f} {:x} {:+d}'.format(42, 3.14159, 255, 7)|'{{}} {}'.format(1)|'{!r}'.format('a')|'{}'.format()|'{:*^9}'.format('mid')
'%s %d %05.1f %x %%' % ('a', 5, 2.345, 255)|'%s' % 'a'|'%s' % [1]|'%-5s|%5s' % ('a', 'b')|'%(k)s' % d|'%s'|'%d' % 'a'|'%s %s' % ('a',)|'%.3s' % 'abcdef'|'%03d' % -5|'%i' % 3.9
'prefix-x'.removeprefix('prefix-')|'x.py'.removesuffix('.py')|'x'.removeprefix('y')|'abc'.removesuffix('')|'12'.isdigit()|'a1'.isalnum()|'ab'.isalpha()|' '.isspace()|'AB'.isupper()|'ab'.islower()|''.isdigit()|'7'.zfill(3)|'-7'.zfill(4)|'a'.ljust(3) ~ 'b'|'a'.rjust(3)|'a'.center(4) ~ 'b'|'a=b=c'.partition('=')|'a=b=c'.rpartition('=')|'abc'.partition('x')|'ß'.upper()|'ŉ x'.title()
l.append(1)|l.pop()|d.pop('k')|d.update({})|d.clear()|l.append is defined|d.get('k')|d.get('q')|d.get('q', 5)|d.keys() | list|d.values() | list|d.items() | list|d.keys()|l.index(2)|l.count(1)|l.index(9)|d.get([1])|d.setdefault('a', 1)|l.sort()|s.nope()|s.nope|s.__class__|d.__class__.x
w | trim|'xax' | trim('x')|l | join(', ')|l | join|m | join(',', attribute='b')|l | length|s | count|d | length|u | length|n | length|undefd | length|undefd | default('q')|e | default('q')|e | default('q', true)|none | default('q')|none | d('q', boolean=true)|undefd | default
d | tojson|u | tojson|x | tojson|[1, 2.0, none, true, 'é', {'a': ()}] | tojson|d | tojson(indent=2)|m | tojson(indent=4)|u | tojson(ensure_ascii=true)|d | tojson(separators=(',', ':'))|d | tojson(sort_keys=true)|[] | tojson(indent=2)|{} | tojson(indent=2)|undefd | tojson|1e16 | tojson|0.1 | tojson|(1, 2) | tojson|d.items() | tojson|{1: 2, none: 3, true: 4, 1.5: 5} | tojson|[[], {}, [1]] | tojson(indent='\\t')|'\\x7f\\x08\\x0c\\x1b' | tojson|'\\x7f' | tojson(ensure_ascii=true)
s | upper|s | lower|'a-b (c) [d] x' | title|'hELLO' | capitalize|s | replace('o', '0')|s | replace('l', 'L', 1)|12 | replace(1, 3)|l | first|l | last|empty | first|s | first|s | last|s | list|d | list|l | sort|l | sort(reverse=true)|['b', 'A', 'c'] | sort|['b', 'A', 'c'] | sort(case_sensitive=true)|m | sort(attribute='b') | map(attribute='b') | list|m | sort(attribute='a,b') | map(attribute='b') | list|[1, 'a'] | sort
[1, 2, 1, 3] | unique | list|['a', 'A', 'b'] | unique | list|m | map(attribute='a') | list|m | map(attribute='q', default='-') | list|['a', 'b'] | map('upper') | join|m | map('length') | list|m | selectattr('a', 'equalto', 1) | list | length|m | selectattr('a') | list | length|m | rejectattr('a', '==', 1) | map(attribute='b') | list|l | select('odd') | list|l | reject('gt', 1) | list|l | select | list|[0, 1, '', none, 'a'] | select | list|[0, 1] | reject | list|m | selectattr('q', 'defined') | list|m | selectattr('q', 'undefined') | list | length
d | items | list|d | dictsort|d | dictsort(reverse=true)|{'b': 1, 'A': 2} | dictsort|{'b': 1, 'A': 2} | dictsort(true)|{'b': 1, 'a': 2} | dictsort(by='value')|undefd | items | list|l | items|'12' | int|'x' | int|'x' | int(5)|'3.7' | int|3.9 | int|'0x1f' | int(base=16)|none | int|undefd | int|' 42 ' | int|'1.5' | float|'x' | float|'x' | float(2.5)|'1e3' | float|1 | float|'-7' | int|'ff' | int(0, 16)
n | string|f | string|none | string|2.5 | round|3.5 | round|2.675 | round(2)|42.55 | round(1)|42.55 | round(1, 'floor')|42.55 | round(1, 'ceil')|7 | round|-5 | abs|-2.5 | abs|'a' | abs|1234.5678 | round(-2)|l | sum|m | sum(attribute='a')|l | sum(start=10)|l | min|l | max|empty | max|['b', 'A'] | min|m | max(attribute='a')|l | reverse | list|s | reverse
'a\\nb\\n\\nc' | indent|'a\\nb\\n\\nc' | indent(2, true)|'a\\nb\\n\\nc' | indent(2, blank=true)|'a\\nb' | indent('> ')|'a\\n' | indent|x | escape|x | e|x | safe|(x | safe) + x|x + (x | safe)|(x | escape) ~ x|(x | escape) | escape|'a b  c' | wordcount|l | batch(2) | list|l | batch(2, 'q') | list|m | groupby('a') | length|(m | groupby('a') | first).grouper|(m | groupby('a') | first).list | length|'%s-%s' | format(1, 'a')|'%(a)s' | format(a=1)|'mid' | center(9)|s | nofilter|s is notest|d | attr('k')|x | forceescape
x is defined|undefd is defined|undefd is undefined|none is none|0 is none|s is string|n is string|n is number|t is number|n is integer|t is integer|f is float|t is boolean|n is boolean|t is true|t is false|d is mapping|l is mapping|l is iterable|s is iterable|n is iterable|undefd is iterable|d is iterable|l is sequence|s is sequence|d is sequence|n is sequence|undefd is sequence|n is odd|n is even|n is divisibleby 7|n is divisibleby(2)|3 is in l|3 is not in l|n is eq 7|n is equalto(7)|n is ne 7|n is gt 3|n is lt 3|n is ge 7|n is le 6|range is callable|s is callable|'abc' is lower|'ABC' is upper|'' is lower|n is sameas n|n is not none and t|n is not string or z|d.items() is iterable|d.items() is sequence|(l | map('string')) is iterable|(l | map('string')) is sequence|1 is not defined
'y' if t else 'n'|'y' if z else 'n'|'y' if z|('y' if z) is undefined|'a' if z else 'b' if z else 'c'|n or 5|z or 5|z and 5|n and 5|z or none or ''|undefd or 'x'|not undefd|undefd == undefd2|undefd == none|undefd.x|undefd['x']|undefd()|undefd|none|undefd is none
range(3) | list|range(1, 4) | list|range(5, 0, -2) | list|range(0) | list|range(3)[1]|range(1, 10, 3) | list|range(2) | length|dict(a=1, b=2)|dict({'a': 1}, b=2)|dict([('a', 1)])|namespace(a=1).a|namespace(a=1).b|raise_exception('no: ' ~ n)|strftime_now('%Y-%m-%d %H:%M:%S')|strftime_now('%d %b %Y, %A %B %-d %j %p %I %y %%')|joiner(',')()|range('a')|range()|-1 | abs|(-1) | abs|- n|+ n|- s|-n | abs|1 | string + 'a'|2 * n | string|n.5|1.5.x
"a\\"b"|'\\u00e9\\x41\\101\\q'|'a' in ['a', 'b'] and 'c' not in 'ab'|(1, 2)|1, 2|[1, 2,]|{'a': 1,}|((1))|[x for x in l]|lambda x: x|a =|s|(s|s[1:2:0]|d[1:2]|s['x']|l['x']|l[true]|s[none]|l[1.0]|d[[1]]|{[1]: 2}|(1, [2]) in {}|s.upper|m|deep.a[0].b.c|deep['a'][0]['b']['c']|deep.a.0.b.c|deep.a[1].b|9223372036854775807|1.7976931348623157e308|1e400|-1e400|1e400 - 1e400
"""

STATEMENTS = [
    "{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }};{% endfor %}",
    "{% for i in l %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }};{% endfor %}", "{% for i in l %}{{ loop.cycle('a', 'b') }}{{ loop.depth }}{% endfor %}",
    "{% for i in empty %}x{% else %}none{% endfor %}", "{% for i in l if i > 1 %}{{ i }}{{ loop.length }}{{ loop.last }} {% else %}no{% endfor %}", "{% for i in l if i > 9 %}x{% else %}no{% endfor %}",
    "{% for a, b in d.items() %}{{ a }}={{ b }};{% endfor %}", "{% for (a, b) in d | dictsort %}{{ a }};{% endfor %}", "{% for a, b in l %}{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}",
    "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "{% for i in l %}{% for j in l %}{{ loop.depth }}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
    "{% set q = 1 %}{% for i in l %}{% set q = i %}{{ q }}{% endfor %}{{ q }}", "{% set ns = namespace(q=1) %}{% for i in l %}{% set ns.q = ns.q + i %}{% endfor %}{{ ns.q }}", "{% if t %}{% set q = 5 %}{% endif %}{{ q }}",
    "{% for i in l %}{{ q }}{% set q = i %}{% endfor %}{{ q }}|", "{% for i in l %}{% if loop.changed(i > 1) %}c{% endif %}{% endfor %}", "{% for c in s %}{{ c }}.{% endfor %}", "{% for i in undefd %}x{% else %}e{% endfor %}", "{% for i in none %}x{% endfor %}", "{% for i in 5 %}x{% endfor %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = l %}", "{% set q %}in {{ n }}\nx{% endset %}[{{ q }}]", "{% set q | upper | trim %} in {{ s }} {% endset %}[{{ q }}]", "{% set q = 1, 2 %}{{ q }}", "{% set d.k = 1 %}", "{% set q.k = 1 %}",
    "{% macro f(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1) }} {{ f(1, 3) }} {{ f(1, c=9) }} {{ f(b=1, a=2) }} {{ f() }}", "{% macro f(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3, x=4) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, q=2) }}", "{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}body {{ n }}{% endcall %}", "{% macro f() %}{{ caller('x', 2) }}{% endmacro %}{% call(a, b) f() %}{{ a }}{{ b }}{% endcall %}",
    "{% macro f() %}x{% endmacro %}{% call f() %}y{% endcall %}", "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "{% set g = 1 %}{% macro f() %}{{ g }}{% endmacro %}{% set g = 2 %}{{ f() }}", "{% macro f() %}{% set g = 5 %}{{ g }}{% endmacro %}{{ f() }}{{ g }}",
    "{% macro f(x) %}{{ x | upper }}{% endmacro %}{{ f('a') ~ f('b') }}{{ f('c') | lower }}{{ f is callable }}{{ f.name }}", "{% for i in l %}{% macro f() %}{{ i }}{% endmacro %}{{ f() }}{% endfor %}", "{{ f(1) }}{% macro f(a) %}x{% endmacro %}", "{% macro f(a, b=1, c) %}{% endmacro %}",
    "{% filter upper %}a {{ s }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}aaa{% endfilter %}", "{% generation %}gen {{ n }}\n{% set q = 1 %}{% endgeneration %}{{ q }}", "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}", "{% print n %}",
    "{% if z %}a{% elif n %}b{% else %}c{% endif %}", "{% if z %}a{% elif z %}b{% endif %}", "{% if (l | map('string')) %}gen{% endif %}", "{% if t: %}colon{% endif %}", "{% if t %}", "{% endif %}", "{% nosuch %}", "{% if t %}{% endfor %}", "{% break %}", "{% for i in l %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}", "{{ }}", "{{ n", "{% if n", "{# open", "{% raw %}x", "{{ 'open }}", "{{ ) }}", "{{ (] }}", "{{ n $ }}", "{{ n ! }}",
    "{% set ns = namespace() %}{% set ns.a = [] %}{% for i in l %}{% set ns.a = ns.a + [i] %}{% endfor %}{{ ns.a }}", "{% set ns = namespace(a=1, b='x') %}{{ ns }}", "{% set j = joiner('|') %}{% for i in l %}{{ j() }}{{ i }}{% endfor %}", "{% for i in [1, 2, 3] %}{{ 'x' if loop.first else '' }}{{ ', ' if not loop.last }}{% endfor %}", "{{ loop }}", "{% for i in l %}{% set x = loop %}{% endfor %}",
    "{% set messages = [1, 2, 3, 4] %}{% for m in messages[1:] %}{{ m }}{% endfor %}{{ messages[-1] }}{{ messages[:2] }}", "{%- for m in m -%}{{ m.b }}{%- endfor -%}", "{% set x = x | upper %}{{ x }}", "{% for n in l %}{{ n }}{% endfor %}{{ n }}", "{% for i in l recursive %}{% endfor %}x", "{% set ns = namespace(stop=false) %}{% for i in l if not ns.stop %}{{ i }}{% set ns.stop = true %}{% endfor %}",
    "{{ dict(a=1, **{'b': 2}) }}", "{% macro f(a, b, c) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(*l) }}{{ f(*[1], **{'c': 2}) }}", "{{ [1, 2] | join(d='-') }}", "{% set q = d %}{{ q.k }}{% set q = none %}{{ q }}", "{% if 'a' in 'abc' and not ('z' in 'abc') %}ok{% endif %}", "{% set true_ = 1 %}{{ true_ }}", "{% set true = 1 %}", "{% for loop in l %}{% endfor %}",
]


def expressions(line):
    """A bar between blanks is a filter's, one in quotes text; any other ends an expression."""
    parts, start, quote, index = [], 0, None, 0
    while index < len(line):
        char = line[index]
        if char == "\\":
            index += 1
        elif quote:
            quote = None if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "|" and not (line[index - 1] == " " and line[index + 1:index + 2] == " "):
            parts.append(line[start:index])
            start = index + 1
        index += 1
    return parts + [line[start:]]


def snippets():
    lines = EXPRESSIONS.strip().split("\n")
    return WHITESPACE + ["{{ " + part + " }}" for line in lines for part in expressions(line)] + STATEMENTS
