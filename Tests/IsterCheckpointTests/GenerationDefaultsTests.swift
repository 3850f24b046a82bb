import Foundation
import IsterCheckpoint
import Testing

@Suite struct `Generation defaults and chat templates` {
    private func open(_ files: [String: String], extra: [String] = []) throws -> Checkpoint {
        let folder = try TemporaryFolder()
        try TinyFolder(extra: extra).write(to: folder)
        for (name, text) in files { try folder.write(name, text) }
        return try Checkpoint.open(path: folder.path)
    }

    @Test(arguments: [
        "config.json", "generation_config.json", "model.safetensors", "tokenizer_config.json", "tokenizer.json",
        "tokenizer.model", "special_tokens_map.json", "chat_template.jinja",
    ])
    func `a link to a file that is gone is not taken for an absent file`(name: String) throws {
        let folder = try TemporaryFolder()
        try TinyFolder().write(to: folder)
        let path = folder.path + "/" + name
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "../blobs/gone")
        let error = refusal(folder.path)
        #expect(error?.kind == .notFound)
        #expect(error?.description.contains(name) == true)
    }

    @Test func `a link in a circle is told from an absent file`() throws {
        let folder = try TemporaryFolder()
        try TinyFolder().write(to: folder)
        let path = folder.path + "/tokenizer_config.json"
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "tokenizer_config.json")
        let error = refusal(folder.path)
        guard case .cannotOpen(path, _) = error else { return #expect(Bool(false)) }
        #expect(error?.kind == .notFound)
    }

    @Test(arguments: [("tokenizer.model", true), ("tokenizer.json", false)])
    func `files that are not read are no source files`(tokenizer: String, readsAddedTokens: Bool) throws {
        let checkpoint = try open([tokenizer: "{}", "special_tokens_map.json": "{}", "added_tokens.json": "{}"])
        let names = checkpoint.sourceFiles.map { String($0.split(separator: "/").last ?? "") }
        #expect(names.contains("special_tokens_map.json"))
        #expect(names.contains("added_tokens.json") == readsAddedTokens)
    }

    @Test func `every suggestion is read`() throws {
        let text = """
            {"bos_token_id": 3, "eos_token_id": [4, 5, 4], "pad_token_id": 6, "do_sample": true, "temperature": 0.6,
             "top_k": 50, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.1, "max_new_tokens": 7,
             "transformers_version": "4.40.2", "no_repeat_ngram_size": 3}
            """
        let checkpoint = try open(["generation_config.json": text])
        var expected = GenerationDefaults()
        expected.bosID = 3
        expected.eosIDs = [4, 5]
        expected.padID = 6
        expected.doSample = true
        expected.temperature = 0.6
        expected.topK = 50
        expected.topP = 0.9
        expected.minP = 0.05
        expected.repetitionPenalty = 1.1
        expected.maxNewTokens = 7
        #expect(checkpoint.generation == expected)
        #expect(checkpoint.unknownKeys == ["generation_config.json: no_repeat_ngram_size"])
    }

    @Test func `config.json fills what generation_config.json leaves open`() throws {
        let ids = try open(
            ["generation_config.json": "{\"temperature\": null}"],
            extra: ["\"eos_token_id\": 7", "\"pad_token_id\": -1"])
        #expect(ids.generation.eosIDs == [7] && ids.generation.padID == nil && ids.generation.temperature == nil)
        // Nothing is padded, so that an id without a token harms nobody.
        #expect(try open(["generation_config.json": "{\"pad_token_id\": 12}"]).generation.padID == nil)
        // LlamaConfig: absent means 1 and 2, null means none.
        #expect(try open([:]).generation.eosIDs == [2])
        #expect(try open([:]).generation.bosID == 1)
        #expect(try open([:], extra: ["\"eos_token_id\": null"]).generation.eosIDs == [])
    }

    @Test(arguments: [
        "{\"temperature\": -1}", "{\"top_p\": 0}", "{\"top_p\": 1.5}", "{\"top_k\": -2}", "{\"repetition_penalty\": 0}",
        "{\"max_new_tokens\": 0}", "{\"eos_token_id\": 12}", "{\"bos_token_id\": -1}", "{\"eos_token_id\": [\"x\"]}",
        "{\"do_sample\": 1}", "[]", "{",
    ])
    func `a suggestion out of range is refused`(text: String) throws {
        let folder = try TemporaryFolder()
        try TinyFolder().write(to: folder)
        try folder.write("generation_config.json", text)
        _ = refusal(folder.path)
    }

    @Test func `the template comes from a string, the default of a list, or the file of its own`() throws {
        let asText = "{\"chat_template\": \"A\"}"
        let asList =
            "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"T\"}, {\"name\": \"default\", \"template\": \"D\"}]}"
        #expect(try open(["tokenizer_config.json": asText]).chatTemplate == "A")
        #expect(try open(["tokenizer_config.json": asList]).chatTemplate == "D")
        #expect(try open(["tokenizer_config.json": asText, "chat_template.jinja": "J"]).chatTemplate == "J")
        #expect(try open([:]).chatTemplate == nil)
    }

    @Test func `templates that are not kept are named`() throws {
        let templates = #"{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"}"#
        let list = "{\"chat_template\": [\(templates)]}"
        let named = try open(["tokenizer_config.json": list])
        #expect(named.chatTemplate == "D")
        #expect(named.unusedTemplates == [#"tokenizer_config.json: "tool_use""#])
        // transformers takes none of the list either.
        #expect(try open(["tokenizer_config.json": list, "chat_template.jinja": "J"]).unusedTemplates == [])
        #expect(try open(["tokenizer_config.json": "{\"chat_template\": \"A\"}"]).unusedTemplates == [])
        let folder = try TemporaryFolder()
        try TinyFolder().write(to: folder)
        try FileManager.default.createDirectory(
            atPath: folder.path + "/additional_chat_templates", withIntermediateDirectories: false)
        #expect(try Checkpoint.open(path: folder.path).unusedTemplates == ["additional_chat_templates"])
    }

    @Test func `a GGUF file's further templates are named`() throws {
        let folder = try TemporaryFolder()
        var builder = GGUFBuilder.tiny()
        builder.set("tokenizer.chat_template", .string("D"))
        builder.set("tokenizer.chat_template.tool_use", .string("T"))
        let checkpoint = try Checkpoint.open(path: folder.write("x.gguf", builder.file))
        #expect(checkpoint.chatTemplate == "D")
        #expect(checkpoint.unusedTemplates == [#""tokenizer.chat_template.tool_use""#])
    }

    @Test(arguments: ["model.safetensors", "config.json", "tokenizer.model"])
    func `a source file that is replaced stays the one that was opened`(name: String) throws {
        let folder = try TemporaryFolder()
        try TinyFolder().write(to: folder)
        try folder.write("tokenizer.model", "what was opened")
        let checkpoint = try Checkpoint.open(path: folder.path)
        let path = folder.path + "/" + name
        let source = try #require(checkpoint.sourceFiles.firstIndex(of: path))
        let opened = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        try FileManager.default.removeItem(atPath: path)
        try folder.write(name, [UInt8](repeating: 7, count: opened.count))
        #expect(checkpoint.sourceBytes(source) == opened.count)
        #expect(try checkpoint.readSource(source, at: 0, count: opened.count) == opened)
        #expect(throws: Never.self) { try checkpoint.requireUnchanged() }
    }

    @Test(arguments: ["model.safetensors", "config.json"])
    func `a source file that is written to is refused by name`(name: String) throws {
        let folder = try TemporaryFolder()
        try TinyFolder().write(to: folder)
        let checkpoint = try Checkpoint.open(path: folder.path)
        let path = folder.path + "/" + name
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: path)
        #expect(throws: CheckpointError.changed(path: path)) { try checkpoint.requireUnchanged() }
        #expect(CheckpointError.changed(path: path).kind == .inputOutput)
    }

    @Test func `source files are named for provenance`() throws {
        let checkpoint = try open([
            "generation_config.json": "{}", "tokenizer_config.json": "{}", "chat_template.jinja": "",
        ])
        let names = checkpoint.sourceFiles.map { $0.split(separator: "/").last.map(String.init) ?? "" }
        #expect(
            names == [
                "config.json", "generation_config.json", "tokenizer_config.json", "chat_template.jinja",
                "model.safetensors",
            ])
    }
}
