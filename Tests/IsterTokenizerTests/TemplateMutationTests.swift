import IsterTokenizer
import Testing

@Suite struct TemplateMutationTests {
    private static let scraps = [
        "{%", "%}", "{{", "}}", "{#", "#}", "-", "+", "|", "(", ")", "[", "]", "{", "}", "'", "\"", "\\", "~", "**",
        "//", "%", ":",
        " if ", " else ", " for ", " in ", " not ", " is ", " loop.last ", " loop.nextitem ", "{% endif %}",
        "{% endfor %}",
        "{% else %}", "{% break %}", "{% set x = ", "{% macro f(a) %}", "{% endmacro %}", "{% raw %}", "{% endraw %}",
        "messages",
        "[0]", "[-1]", "[::-1]", "[1:0]", ".items()", ".x", "|tojson(indent=2)", "|map('upper')|list", "|sort",
        "|join(',')", "|int",
        "|round(2)", "|default('a')", "|groupby('role')", "range(9)", "namespace(a=1)", "caller()",
        "9223372036854775807", "1e308",
        "0", "none", "true", "\u{1F600}", "\n", "\r\n", " % (1, 2)", ".format(1)", "|batch(2)", " ** -1", "|indent",
        "|unique|list",
    ]

    /// Whatever becomes of it, a damaged template loads or is refused, and ends.
    @Test(arguments: 0..<4)
    func `damaged templates never trap`(seed: Int) throws {
        var random = SplitMix(state: UInt64(seed) &* 7_919 &+ 11)
        let inputs = try TemplateGolden.inputs()
        var rendered = 0
        for name in TemplateGolden.names where name.utf8.reduce(0, { $0 &+ Int($1) }) % 4 == seed {
            let source = Array(try TemplateGolden.source(name).unicodeScalars)
            for _ in 0..<8 {
                let text = Self.damaged(source, &random)
                guard let template = try? ChatTemplate(text) else { continue }
                var input = inputs[Int.random(in: 0..<inputs.count, using: &random)]
                input.outputByteLimit = 100_000
                if (try? template.render(input)) != nil { rendered += 1 }
            }
        }
        #expect(rendered > 0)
    }

    @Test func `damaged small templates never trap`() throws {
        var random = SplitMix(state: 3)
        let (variables, cases) = try TemplateGolden.snippets()
        var input = TemplateGolden.input(messages: [])
        input.variables = variables
        input.outputByteLimit = 10_000
        var rendered = 0
        for (source, _) in cases {
            for _ in 0..<6 {
                let text = Self.damaged(Array(source.unicodeScalars), &random)
                if (try? ChatTemplate(text).render(input)) != nil { rendered += 1 }
            }
        }
        #expect(rendered > 100)
    }

    private static func damaged(_ source: [Unicode.Scalar], _ random: inout SplitMix) -> String {
        var scalars = source
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...scalars.count, using: &random)
            let length = min(Int.random(in: 0...12, using: &random), scalars.count - place)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: scalars.removeSubrange(place..<place + length)
            case 1: scalars.insert(contentsOf: scalars[place..<place + length], at: place)
            default:
                let scrap = scraps[Int.random(in: 0..<scraps.count, using: &random)]
                scalars.replaceSubrange(place..<place + length / 4, with: Array(scrap.unicodeScalars))
            }
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }
}
