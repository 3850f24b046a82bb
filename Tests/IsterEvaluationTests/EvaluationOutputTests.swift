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

    @Test func `a path where no file can be made is refused before the work, but for a file that is extended`() throws {
        let path = folder.path + "/none/report"
        #expect(throws: EvaluationError.output(.cannotCreate(path: path, reason: "No such file or directory"))) {
            try ReportFile.check(path, inputs: [input])
        }
        try ReportFile.check(folder.path + "/report", inputs: [input])
        #expect(try folder.names() == ["input"])
        // Its name fits, that of a temporary file beside it would not.
        let long = try folder.write([1], String(repeating: "n", count: 250))
        #expect(throws: EvaluationError.self) { try ReportFile.check(long, inputs: []) }
        try ReportFile.check(long, inputs: [], isExtended: true)
        #expect(throws: EvaluationError.output(.outputIsInput(path: long, input: long))) {
            try ReportFile.check(long, inputs: [long], isExtended: true)
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
