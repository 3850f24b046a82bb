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

    private static func difference(_ found: String, _ wanted: String) -> String {
        let common = zip(found, wanted).prefix { $0 == $1 }.count
        return
            "after \(common) characters: '\(found.dropFirst(common).prefix(60))' for '\(wanted.dropFirst(common).prefix(60))'"
    }
}
