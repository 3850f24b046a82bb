import Glibc
import IsterDecoder
import IsterGenerator
import IsterModelFile
import IsterServer
import IsterTokenizer

/// A model in memory, ready to be served.
struct LoadedModel {
    var file: ModelFile
    var served: ServedModel
    var generator: any TextGenerator
    /// One line for the log.
    var summary: String

    /// Everything slow happens on the compute thread, so that the server goes on answering probes.
    static func load(_ configuration: ServeConfiguration) async throws(Failure) -> LoadedModel {
        let path = configuration.model
        let file = try reporting(path) { try ModelFile.open(path: path) }
        let budget = ThreadBudget.ofThisMachine(requested: configuration.threads)
        let isa = try reporting(path) { try Machine.instructionSet() }
        let plan = try plan(configuration, file)
        let thread = try reporting(path) { try ComputeThread() }
        let limits = limits(configuration, plan)
        let options = options(configuration, plan)
        let tokenizer: Tokenizer
        let decoder: Decoder
        let pages: Double, copies: String
        do {
            try file.guardMapping()
            let verifies = configuration.verification == .start
            try await thread.run { () throws(ModelFileError) in
                // Before the proof, since it may read the file from the disk again.
                file.populate(threads: budget.count)
                if verifies { try file.verify(threads: budget.count) }
            }
            tokenizer = try file.tokenizer()
            decoder = try await thread.run { () throws(DecoderError) in try Decoder(file, options: options) }
            pages = decoder.hugePageFraction
            copies = decoder.lacksRoomForCopies ? ", no room for copies of them for each memory node" : ""
        } catch {
            throw Failure(error, file: path)
        }
        let generator = Generator(thread: thread, source: decoder, limits: limits) { file.isDamaged }
        let cache = ByteCount.text(plan.bytes)
        let served = served(file, tokenizer, configuration)
        let summary = """
            \(served.id): \(ByteCount.text(file.fileBytes)), \(isa), \(budget.count) threads (\(budget.reason)), \
            \(Int(pages * 100)) % of the weights in pages of 2 MiB\(copies), \
            cache \(cache) for \(configuration.parallel) requests of up to \(plan.contextLength) positions
            """
        return LoadedModel(file: file, served: served, generator: generator, summary: summary)
    }

    private static func plan(_ configuration: ServeConfiguration, _ file: ModelFile) throws(Failure) -> CachePlan {
        let available = Machine.availableMemory.map { max($0 - file.droppableBytes, 0) }
        return try CachePlan(
            shape: file.header.shape, format: configuration.cacheFormat ?? .default(for: file),
            parallel: configuration.parallel, batchRows: batchRows(configuration), context: configuration.context,
            memory: configuration.cacheMemory, available: available)
    }

    private static func batchRows(_ configuration: ServeConfiguration) -> Int { max(512, configuration.stepTokens) }

    private static func limits(_ configuration: ServeConfiguration, _ plan: CachePlan) -> GeneratorLimits {
        var limits = GeneratorLimits(runningCount: configuration.parallel)
        limits.waitingCount = configuration.queue
        limits.waitingTokenCount = plan.contextLength.multipliedReportingOverflow(by: 4).partialValue
        limits.perClientCount = configuration.perClientCount
        limits.stepTokenCount = configuration.stepTokens
        limits.stepSeconds = configuration.stepSeconds
        limits.cachesPrefixes = configuration.cachesPrefixes
        return limits
    }

    private static func options(_ configuration: ServeConfiguration, _ plan: CachePlan) -> DecoderOptions {
        var options = DecoderOptions()
        options.threads = configuration.threads
        options.contextLength = plan.contextLength
        options.sequenceCount = configuration.parallel
        options.batchRows = batchRows(configuration)
        options.cacheFormat = configuration.cacheFormat
        options.cacheBlockCount = plan.blockCount
        options.populatesCache = true
        options.weightCopies = .forNodesAndPages
        return options
    }

    private static func served(
        _ file: ModelFile, _ tokenizer: Tokenizer, _ configuration: ServeConfiguration
    ) -> ServedModel {
        let defaults = file.header.generationDefaults
        var sampling = SamplingDefaults(repetitionPenalty: defaults.repetitionPenalty)
        if defaults.doSample != false {
            sampling.temperature = defaults.temperature
            sampling.topK = defaults.topK
            sampling.topP = defaults.topP
            sampling.minP = defaults.minP
        }
        return ServedModel(
            id: configuration.modelName ?? name(ofFile: file.path), created: modificationTime(file.path),
            tokenizer: tokenizer, chatTemplate: file.header.chatTemplate, endTokens: file.endTokens(tokenizer),
            defaults: sampling,
            parameterCount: file.parameterCount, fileBytes: file.fileBytes,
            trainedContextLength: file.header.shape.contextLength, hiddenWidth: file.header.shape.hiddenWidth)
    }

    /// "/models/danube.ister" gives "danube".
    static func name(ofFile path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return name.hasSuffix(".ister") ? String(name.dropLast(6)) : name
    }

    private static func modificationTime(_ path: String) -> Int {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? Int(status.st_mtim.tv_sec) : 0
    }
}
