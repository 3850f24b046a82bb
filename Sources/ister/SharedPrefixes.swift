import IsterGenerator

/// Lets all clients share cached prefixes (`--shared-prefix-cache`).
struct SharedPrefixes: TextGenerator {
    private let base: any TextGenerator

    init(_ base: any TextGenerator) {
        self.base = base
    }

    var contextLength: Int { base.contextLength }
    var vocabularySize: Int { base.vocabularySize }
    var load: GeneratorLoad { base.load }
    func stopAccepting() { base.stopAccepting() }

    func generate(_ request: GenerationRequest, text: any TextStream) -> Generation {
        var request = request
        request.cachePartition = ""
        return base.generate(request, text: text)
    }
}
