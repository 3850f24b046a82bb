import ArgumentParser
import IsterModelFile

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Tells what is in a model file.")

    @Argument(help: "A .ister file.") var model: String
    @Flag(help: "One JSON document.") var json = false

    func run() throws {
        let file = try reporting(model) { try ModelFile.open(path: model) }
        if json {
            try StandardOutput.write(ModelDescription(file).json.line)
        } else {
            try StandardOutput.write(ModelDescription(file).table)
        }
    }
}
