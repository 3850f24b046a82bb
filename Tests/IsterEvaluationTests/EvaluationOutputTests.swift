import Foundation
@testable import IsterEvaluation
import IsterModelFile
import Testing

@Suite struct EvaluationOutputTests {
    let folder: TemporaryFolder
    let input: String

    init() throws {
        folder = try TemporaryFolder()
        input = try folder.write(Array("input".utf8), "input")
    }

    @Test func `a report appears whole, in place of an earlier one, and leaves other files alone`() throws {
        let path = try folder.write(Array("an earlier, longer report".utf8), "report")
        _ = try folder.write(Array("mine".utf8), "report.part")
        try ReportFile.write("new", to: path, inputs: [input])
        #expect(try folder.read("report") == Array("new".utf8))
        #expect(try folder.read("report.part") == Array("mine".utf8))
        #expect(try folder.names() == ["input", "report", "report.part"])
    }

    @Test func `an output that is an input, by any name, is refused and nothing is touched`() throws {
        let linked = folder.path + "/linked"
        try FileManager.default.linkItem(atPath: input, toPath: linked)
        for path in [input, folder.path + "/./input", linked] {
            #expect(throws: EvaluationError.output(.outputIsInput(path: path, input: input))) {
                try ReportFile.write("new", to: path, inputs: ["none", input])
            }
        }
        #expect(try folder.read("input") == Array("input".utf8))
        #expect(try folder.names() == ["input", "linked"])
    }

    @Test func `an output that exists as something else than a file, or in no folder, cannot be created`() throws {
        for path in [folder.path, folder.path + "/none/report"] {
            do throws(EvaluationError) {
                try ReportFile.write("new", to: path)
                Issue.record("\(path) was written")
            } catch {
                guard case .output(.cannotCreate(path, _)) = error else {
                    Issue.record(error)
                    continue
                }
            }
        }
    }

    @Test func `an output that is given up leaves nothing behind`() throws {
        do {
            let output = try EvaluationOutput(folder.path + "/base", inputs: [input], plannedBytes: 3)
            try output.append([1, 2, 3])
            #expect(try folder.names().count == 2)
        }
        #expect(try folder.names() == ["input"])
    }
}
