import Foundation
import Testing

@testable import IsterModelFile

struct DamageTests {
    /// Whether opening is refused as bad data; any other error or a success is a failure of the test.
    private func isRefused(_ path: String) -> Bool {
        do throws(ModelFileError) {
            _ = try ModelFile.open(path: path)
            return false
        } catch {
            if case .badData = error { return true }
            return false
        }
    }

    private func headerEnd(_ bytes: [UInt8]) throws -> Int {
        Preamble.length + (try Preamble.decode(Array(bytes[..<Preamble.length]))).headerLength
    }

    @Test func `a file truncated anywhere is refused`() throws {
        let model = try TinyModel()
        try model.write()
        let whole = try model.bytes()
        let header = try headerEnd(whole)
        let descriptor = unsafe open(model.path, O_RDWR)
        defer { close(descriptor) }
        let lengths =
            stride(from: whole.count - 1, through: header, by: -4096).map { $0 }
            + stride(from: whole.count - 4096, through: header, by: -4096)
            + (0..<header).reversed()
        for length in lengths.sorted(by: >) {
            try #require(ftruncate(descriptor, off_t(length)) == 0)
            #expect(isRefused(model.path), "length \(length)")
        }
    }

    /// The bytes that make a number infinite, by format: where it stands in the embedding's second panel.
    @Test(
        arguments: [
            (WeightFormat.f32, [0, 0, 0x80, 0x7F], 5 * 4), (.q8, [0, 0, 0x80, 0x7F], 3 * 4),
            (.q4, [0, 0, 0x80, 0xFF], 2 * 4), (.q8g32, [0, 0x7C], 3 * 2), (.q4g32, [1, 0xFC], 3 * 2),
        ] as [(WeightFormat, [UInt8], Int)])
    func `verify finds a scale or float that is not finite though all checksums are right`(
        format: WeightFormat, bytes: [UInt8], place: Int
    ) throws {
        let model = try TinyModel()
        let panel = format.panelBytes(columns: TinyModel.shape.hiddenWidth)
        try model.write(TinyModel.draft(TinyModel.shape, format)) { index, content in
            guard index == 0 else { return }
            content.replaceSubrange(panel + place..<panel + place + bytes.count, with: bytes)
        }
        let file = try ModelFile.open(path: model.path)
        #expect(throws: ModelFileError.badData(path: model.path, .notFinite(name: "embedding", rows: 16..<20))) {
            try file.verify(threads: 2)
        }
    }

    @Test func `verify finds a norm that is not finite`() throws {
        let model = try TinyModel()
        try model.write { index, content in
            if index == 1 { content.replaceSubrange(4..<8, with: [0, 0, 0xC0, 0x7F]) }
        }
        let file = try ModelFile.open(path: model.path)
        let defect = ModelFileDefect.notFinite(name: "layers.0.attention_norm", rows: 0..<1)
        #expect(throws: ModelFileError.badData(path: model.path, defect)) { try file.verify(threads: 1) }
    }

    @Test func `a longer file is refused`() throws {
        let model = try TinyModel()
        try model.write()
        try model.replace(try model.bytes() + [0])
        #expect(isRefused(model.path))
    }

    @Test func `every flipped bit of preamble and header is refused`() throws {
        let model = try TinyModel()
        try model.write()
        let whole = try model.bytes()
        let descriptor = unsafe open(model.path, O_RDWR)
        defer { close(descriptor) }
        var accepted: [Int] = []
        for offset in 0..<(try headerEnd(whole)) {
            for bit in 0..<8 {
                var byte = whole[offset] ^ UInt8(1 << bit)
                unsafe pwrite(descriptor, &byte, 1, off_t(offset))
                if !isRefused(model.path) { accepted.append(8 * offset + bit) }
            }
            var byte = whole[offset]
            unsafe pwrite(descriptor, &byte, 1, off_t(offset))
        }
        #expect(accepted.isEmpty)
        #expect(!isRefused(model.path), "the test itself must leave the file whole")
    }

    @Test func `verify names the first damaged blob with both checksums`() throws {
        let model = try TinyModel()
        let header = try model.write()
        var bytes = try model.bytes()
        let damaged = header.tensors[6]
        bytes[damaged.offset + 5] ^= 1
        bytes[header.tensors[9].offset] ^= 1
        try model.replace(bytes)
        let file = try ModelFile.open(path: model.path)
        let found = Digest256.hex(Digest256.of(Array(bytes[damaged.offset..<(damaged.offset + damaged.length)])))
        let defect = ModelFileDefect.blobDamaged(name: damaged.name, found: found, expected: damaged.sha256)
        for threads in [1, 4] {
            #expect(throws: ModelFileError.badData(path: model.path, defect)) { try file.verify(threads: threads) }
        }
    }

    @Test func `bytes between header and tokenizer must be zero at opening`() throws {
        let model = try TinyModel()
        let header = try model.write()
        let whole = try model.bytes()
        for place in [try headerEnd(whole), header.tokenizer.offset - 1] {
            var bytes = whole
            bytes[place] = 0x20
            try model.replace(bytes)
            #expect(throws: ModelFileError.badData(path: model.path, .paddingNotZero(offset: place))) {
                try ModelFile.open(path: model.path)
            }
        }
    }

    @Test func `verify finds damage in the tokenizer and in the padding of blobs`() throws {
        let model = try TinyModel()
        let header = try model.write()
        let whole = try model.bytes()
        let norm = header.tensors[1]
        let places = [
            header.tokenizer.offset, header.tokenizer.offset + header.tokenizer.length, norm.offset + norm.length,
            whole.count - 1,
        ]
        for place in places {
            var bytes = whole
            bytes[place] ^= 0x10
            try model.replace(bytes)
            let file = try ModelFile.open(path: model.path)
            #expect(throws: ModelFileError.self, "byte \(place)") { try file.verify(threads: 1) }
        }
    }

    @Test func `folders, pipes, devices and absent files are refused at once`() throws {
        let model = try TinyModel()
        try #require(unsafe mkfifo(model.folder + "/pipe", 0o600) == 0)
        for path in [model.folder, model.folder + "/pipe", "/dev/zero", model.folder + "/absent"] {
            let error = #expect(throws: ModelFileError.self) { try ModelFile.open(path: path) }
            guard case .missing(path, _) = error else {
                Issue.record("\(path): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func `an empty file and a foreign file are refused by name`() throws {
        let model = try TinyModel()
        try model.replace([])
        #expect(throws: ModelFileError.badData(path: model.path, .wrongFileLength(found: 0, needed: 128))) {
            try ModelFile.open(path: model.path)
        }
        try model.replace([UInt8](repeating: 0x47, count: 5000))
        #expect(throws: ModelFileError.badData(path: model.path, .notAModelFile)) {
            try ModelFile.open(path: model.path)
        }
    }
}
