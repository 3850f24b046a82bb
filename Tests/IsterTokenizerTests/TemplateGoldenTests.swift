import IsterTokenizer
import Testing

@Suite struct TemplateGoldenTests {
    @Test func `there are over sixty public templates and thirty conversations`() throws {
        #expect(TemplateGolden.names.count >= 60)
        #expect(try TemplateGolden.inputs().count >= 30)
    }

    @Test(arguments: TemplateGolden.names)
    func `a public template renders what jinja2 renders`(name: String) throws {
        let template = try ChatTemplate(try TemplateGolden.source(name))
        let inputs = try TemplateGolden.inputs()
        let outcomes = try TemplateGolden.outcomes(name)
        let texts = try TemplateGolden.texts(name)
        #expect(outcomes.count == inputs.count)
        for (index, input) in inputs.enumerated() {
            do throws(ChatTemplateError) {
                let text = try template.render(input).map(\.text).joined()
                let found = TemplateGolden.Outcome.text(
                    bytes: text.utf8.count, checksum: TemplateGolden.checksum(text))
                if index < texts.count, let wanted = texts[index] {
                    #expect(text == wanted, "\(name), conversation \(index): \(Self.difference(text, wanted))")
                }
                #expect(found == outcomes[index], "\(name), conversation \(index)")
            } catch {
                if case .raised(let message) = error {
                    #expect(.raised(message) == outcomes[index], "\(name), conversation \(index)")
                } else {
                    #expect(.failed == outcomes[index], "\(name), conversation \(index): \(error)")
                }
            }
        }
    }

    @Test func `templates get the padding and the unknown token of a tokenizer that has them`() throws {
        var vocabulary = try Golden.vocabulary("stories.model")
        vocabulary.paddingID = nil
        #expect(try Tokenizer(vocabulary).templateTokens.map(\.name) == ["unk_token"])
        vocabulary.paddingID = 2
        var input = TemplateGolden.input(messages: [])
        input.specialTokens = try Tokenizer(vocabulary).templateTokens
        let template = try ChatTemplate("{{ pad_token }}{{ unk_token }}")
        #expect(try template.render(input) == [PromptSegment(text: "</s><unk>", isTrusted: true)])
    }

    @Test func `small templates give what jinja2 gives`() throws {
        let (variables, cases) = try TemplateGolden.snippets()
        var input = TemplateGolden.input(messages: [])
        input.variables = variables
        for (source, wanted) in cases {
            do throws(ChatTemplateError) {
                let text = try ChatTemplate(source).render(input).map(\.text).joined()
                #expect(text == wanted, "\(source)")
            } catch {
                #expect(wanted == nil, "\(source): \(error)")
            }
        }
    }

    @Test(
        arguments: [
            ("1234 | round(-2)", "1200"), ("1250 | round(-2)", "1200"), ("1350 | round(-2)", "1400"),
            ("-1350 | round(-2)", "-1400"), ("1234 | round(2)", "1234"), ("true | round", "1"), ("7 | round(-1)", "10"),
            ("5000000000000000000 | round(-19)", "0"), ("9223372036854775807 | round(-20)", "0"),
            ("9223372036854775807 | round(-18)", "9000000000000000000"), ("9223372036854775807 | round(-1)", nil),
            ("9223372036854775807 | round(-19)", nil), ("'ab'.center(5, '*')", "**ab*"),
            ("'abc'.center(6, '*')", "*abc**"), ("'ab' | center(5) ~ '|'", "  ab |"),
            ("'{:*^5}'.format('ab')", "*ab**"),
        ] as [(String, String?)])
    func `integers are rounded and text is centered as Python does, within 64 bits`(
        expression: String, wanted: String?
    ) throws {
        let input = TemplateGolden.input(messages: [])
        do throws(ChatTemplateError) {
            let text = try ChatTemplate("{{ \(expression) }}").render(input).map(\.text).joined()
            #expect(text == wanted)
        } catch {
            #expect(wanted == nil, "\(error)")
        }
    }

    private static func difference(_ found: String, _ wanted: String) -> String {
        let common = zip(found, wanted).prefix { $0 == $1 }.count
        return
            "after \(common) characters: '\(found.dropFirst(common).prefix(60))' for '\(wanted.dropFirst(common).prefix(60))'"
    }
}
