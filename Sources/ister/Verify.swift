import ArgumentParser
import IsterDecoder
import IsterModelFile

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Checks every checksum of a model file.")

    @Argument(help: "A .ister file.") var model: String
    @OptionGroup var threadOption: ThreadOption

    func run() throws {
        let bar = ProgressBar()
        defer { bar.clear() }
        let file = try reporting(model) { try ModelFile.open(path: model) }
        try reporting(model) {
            let threads = ThreadBudget.ofThisMachine(requested: threadOption.threads)
            try file.verify(threads: threads.count) { progress in
                bar.show(done: progress.bytesDone, total: progress.bytesTotal, label: model)
            }
        }
        bar.clear()
        try StandardOutput.write("\(model): \(file.header.tensors.count) tensors, \(file.fileBytes) bytes, all sound\n")
    }
}
