import Foundation
import IsterTokenizer
import Synchronization
import Testing

@Suite struct TemplateLimitTests {
    private static func render(_ source: String, bytes: Int = 1 << 20) throws(ChatTemplateError) -> String {
        var input = TemplateGolden.input(messages: [])
        input.outputByteLimit = bytes
        return try ChatTemplate(source).render(input).map(\.text).joined()
    }

    private static func limit(_ source: String, bytes: Int = 1 << 20) -> ChatTemplateError.Limit? {
        do throws(ChatTemplateError) {
            _ = try render(source, bytes: bytes)
        } catch {
            if case .limit(let limit, _) = error { return limit }
        }
        return nil
    }

    @Test func `a source of 256 KiB loads, one byte more is refused`() throws {
        let text = String(repeating: "a", count: 256 << 10)
        #expect(try Self.render(text).utf8.count == 256 << 10)
        #expect(Self.limit(text + "a") == .sourceBytes)
    }

    @Test(arguments: [("(", ")"), ("[", "]"), ("{1:", "}"), ("f(", ")"), ("- ", ""), ("x[", "]")])
    func `brackets in each other are bounded`(open: String, close: String) throws {
        func source(_ count: Int) -> String {
            "{% set f = range %}{% if false %}{{ " + String(repeating: open, count: count) + "1"
                + String(repeating: close, count: count) + " }}{% endif %}"
        }
        #expect(try Self.render(source(30)) == "")
        #expect(Self.limit(source(65)) == .nesting)
        #expect(Self.limit(source(30_000)) == .nesting)
    }

    @Test func `rows of signs in brackets make no deep tree`() throws {
        func source(_ signs: String) -> String {
            let open = String(repeating: String(repeating: signs, count: 30) + "(", count: 50)
            return "{{ " + open + "1" + String(repeating: ")", count: 50) + " }}"
        }
        #expect(try Self.render(source("- +")) == "1")
        #expect(try Self.render(source("+ ")) == "1")
        #expect(try Self.render("{{ - + - - 1 }}{{ + + 1 }}{{ - - true }}{{ - + 2 | abs }}") == "-1112")
        #expect(throws: ChatTemplateError.self) { try Self.render("{{ + 'a' }}") }
    }

    @Test func `blocks in each other are bounded`() throws {
        func source(_ count: Int) -> String {
            String(repeating: "{% if true %}", count: count) + "x" + String(repeating: "{% endif %}", count: count)
        }
        #expect(try Self.render(source(63)) == "x")
        #expect(Self.limit(source(64)) == .nesting)
        #expect(Self.limit(source(6_000)) == .nesting)
    }

    @Test(arguments: [" + ", " ~ ", " or ", " and ", " == ", " * ", " ** ", " if 0 else "])
    func `long rows of operators need no depth`(operation: String) throws {
        let source = "{% if (" + Array(repeating: "1", count: 9_000).joined(separator: operation) + ") %}{% endif %}"
        #expect(throws: Never.self) { try Self.render(source) }
        #expect(throws: Never.self) { try Self.render("{{ (" + String(repeating: "not ", count: 9_000) + "1) }}") }
        #expect(throws: Never.self) { try Self.render("{{ '' " + String(repeating: "| trim ", count: 9_000) + " }}") }
        #expect(throws: Never.self) {
            try Self.render("{% if 0 %}" + String(repeating: "{% elif 0 %}", count: 9_000) + "{% endif %}")
        }
    }

    @Test func `macros call each other to a depth of 32`() throws {
        func source(_ count: Int) -> String {
            "{% macro f(n) %}{{ f(n - 1) if n > 1 else 'x' }}{% endmacro %}{{ f(\(count)) }}"
        }
        #expect(try Self.render(source(32)) == "x")
        #expect(Self.limit(source(33)) == .macroDepth)
        #expect(Self.limit("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}") == .macroDepth)
    }

    @Test func `a range has at most 10,000 numbers`() throws {
        #expect(try Self.render("{{ range(10000) | length }}") == "10000")
        #expect(try Self.render("{{ range(0, -20000, -2) | length }}") == "10000")
        #expect(Self.limit("{{ range(10001) }}") == .rangeLength)
        #expect(Self.limit("{{ range(1000000000) }}") == .rangeLength)
        let least = "(-9223372036854775807 - 1)"
        #expect(Self.limit("{{ range(\(least), 9223372036854775807) }}") == .rangeLength)
        #expect(
            try Self.render("{{ range(9223372036854775806, 9223372036854775807, 5) | list }}")
                == "[9223372036854775806]")
        #expect(try Self.render("{{ range(0, 5, \(least)) | list }}") == "[]")
        #expect(try Self.render("{{ range(5, 0, \(least)) | list }}") == "[5]")
    }

    @Test(arguments: [
        "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(10000) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{{ [1] * 100000000 }}", "{{ ([0] * 1000) * 1000 }}", "{{ [0] * 9223372036854775807 }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% set ns.l = ns.l + [i] %}{% endfor %}",
        "{% set x = 'ab' * 500000 %}{% for i in range(1000) %}{{ (x | upper) is none }}{% endfor %}",
        "{% for i in range(10000) %}{% set x = '%.300f' % 5e-324 %}{% endfor %}",
        "{% set x = 'a' * 500000 %}{{ ('%(x).0s' * 5000) % {'x': x} }}",
        "{% set x = [range(5000) | list] * 5000 %}{{ x == x }}", "{{ range(5000) | batch(1000000000, 0) | list }}",
        "{% set ns = namespace(x=(1,)) %}{% for i in range(50) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} }}",
        "{% set ns = namespace(x=(1,)) %}{% for i in range(50) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ ns.x == ns.x }}",
    ])
    func `work is bounded in steps`(source: String) {
        #expect(Self.limit(source) == .steps, "\(source)")
    }

    @Test(arguments: [
        "{{ 'a' * 1000000000000 }}", "{{ 'ab' * 9223372036854775807 }}",
        "{% for i in range(200) %}0123456789{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{{ 'a' | center(100000000) }}", "{{ '%1000000000d' % 1 }}", "{{ '{:>99999999999999999999999}'.format(1) }}",
        "{{ 'a' | indent(1000000000, true) }}", "{{ [1] | tojson(indent=1000000000) }}",
        // Found before the rest of the format, which is wrong, is read.
        "{{ ('%(x)s' * 20 ~ '%') % {'x': 'a' * 900} }}", "{{ ('%s%s%') % ('a' * 900, 'a' * 900) }}",
        "{{ ('{x}' * 20 ~ '{').format(x='a' * 900) }}",
        "{{ ('a' * 900).replace('a', 'b' * 900) }}",
        "{{ ('b' * 900).join('a' * 900) }}", "{{ (['b' * 900] * 900) | join }}", "{{ 'é' * 501 }}",
        "{{ ['b' * 900] * 2 }}",
        "{% macro f() %}{{ 'a' * 600 }}{{ 'a' * 600 }}{% endmacro %}{% set x = f() %}", "{{ ('<' * 400) | escape }}",
    ])
    func `text is bounded in bytes`(source: String) {
        #expect(Self.limit(source, bytes: 1_000) == .outputBytes, "\(source)")
    }

    @Test func `output up to the limit is kept`() throws {
        #expect(try Self.render("{{ 'é' * 500 }}", bytes: 1_000).utf8.count == 1_000)
        #expect(try Self.render("", bytes: 0) == "")
        #expect(Self.limit("a", bytes: 0) == .outputBytes)
    }

    @Test(arguments: [
        "[ns.x]", "(ns.x,)", "{'a': ns.x}", "ns.x.count", "loop", "namespace(x=ns.x)", "[ns.x] | map('list')",
    ])
    func `values in each other are bounded or released`(step: String) {
        let source =
            "{% set ns = namespace(x=[]) %}{% for i in range(9000) %}{% set ns.x = \(step) %}{% endfor %}{{ ns.x | string | length > 0 }}"
        do throws(ChatTemplateError) { _ = try Self.render(source) } catch {
            if case .syntax = error { Issue.record("\(error)") }
        }
    }

    @Test(arguments: [
        "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}", "{{ 9223372036854775807 * 2 }}",
        "{{ 10 ** 19 }}",
        "{{ 2 ** 9223372036854775807 }}", "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}",
        "{{ (-9223372036854775807 - 1) | abs }}", "{{ 99999999999999999999 }}", "{{ 1 | round(99999999, 'ceil') }}",
        "{{ 1.5 | round(9223372036854775807) }}", "{{ '%.999999999f' % 1 }}", "{{ 9223372036854775807 | sum }}",
    ])
    func `numbers beyond 64 bits are an error`(source: String) {
        #expect(throws: ChatTemplateError.self, "\(source)") { try Self.render(source) }
    }

    @Test func `extreme bounds of slices and searches are clamped`() throws {
        let least = "(-9223372036854775807 - 1)"
        let source =
            "{{ 'abc'[\(least):9223372036854775807:9223372036854775807] }}{{ 'abc'[::\(least)] }}{{ 'abc'[\(least)] }}"
            + "{{ 'abc'.find('c', \(least), 9223372036854775807) }}{{ (-1) ** 9223372036854775807 }}{{ \(least) % -1 }}"
            + "{{ 'a,b'.split(',', 9223372036854775807) }}{{ 'aa'.replace('a', 'b', 9223372036854775807) }}"
        #expect(try Self.render(source) == "ac2-10['a', 'b']bb")
    }

    @Test func `the deepest template and the deepest value fit a stack of 512 KiB`() {
        let hostile = [
            "{{ " + String(repeating: "(1 or 1 and not 1 == 1 + 1 ~ 1 * 1 ** (", count: 31) + "1"
                + String(repeating: "))", count: 31) + " }}",
            "{% macro f(n) %}" + String(repeating: "{% if true %}", count: 50)
                + "{{ [[[[f(n) ~ f(n)]]]] | map('list') | list }}"
                + String(repeating: "{% endif %}", count: 50) + "{% endmacro %}{{ f(1) }}",
            "{% macro f(n) %}{% call f(n) %}{{ f(n) }}{% endcall %}{% endmacro %}{{ f(1) }}",
            "{% set ns = namespace(x=[]) %}{% for i in range(60) %}{% set ns.x = [ns.x, {'a': 1}] %}{% endfor %}"
                + "{{ ns.x }}{{ ns.x | tojson(indent=1) }}{{ ns.x == ns.x }}{{ ns.x < [] }}",
            "{{ " + String(repeating: "[", count: 60) + String(repeating: "]", count: 60) + " }}",
            "{% set ns = namespace(x=1) %}{% for i in range(9000) %}{% set ns.x = namespace(x=ns.x) %}{% endfor %}{{ ns.x }}",
            "{% for a in [1] %}{% macro f(g, n) %}{% filter upper %}{% set y %}{{ g(g, n - 1) if n }}{% endset %}{{ y }}{% endfilter %}{% endmacro %}{{ f(f, 31) }}{% endfor %}",
        ]
        let isDone = Mutex(false)
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            for source in hostile { _ = try? Self.render(source) }
            for _ in 0..<40 { _ = try? ChatTemplate(String(repeating: "{% if (", count: 64)) }
            isDone.withLock { $0 = true }
            done.signal()
        }
        thread.stackSize = 512 << 10
        thread.start()
        done.wait()
        #expect(isDone.withLock { $0 })
    }

    @Test func `a rendering may take 250 ms, not a nanosecond more`() throws {
        func render(_ time: Duration?) throws(ChatTemplateError) {
            var input = TemplateGolden.input(messages: [])
            if let time { input.stopwatch = { time } }
            _ = try ChatTemplate("{% for i in range(2000) %}{% endfor %}").render(input)
        }
        #expect(throws: Never.self) { try render(nil) }
        #expect(throws: Never.self) { try render(.milliseconds(250)) }
        #expect(throws: ChatTemplateError.limit(.milliseconds, allowed: 250)) {
            try render(.milliseconds(250) + .nanoseconds(1))
        }
    }
}
