internal import CIsterKernels
public import IsterModelFile

extension CacheFormat {
    /// What a decoder takes when its options name no format: f32 for files of floats, f16 else.
    public static func `default`(for file: ModelFile) -> CacheFormat {
        let formats = file.header.tensors.compactMap { WeightFormat(rawValue: $0.format) }
        return formats.contains(where: \.isInteger) ? .f16 : .f32
    }

    /// Bytes of one block of `Decoder.blockPositions` positions of a paged cache, all layers together.
    public func blockBytes(_ shape: ModelShape) -> Int {
        let head = ister_key_block_bytes(code, shape.headWidth) + ister_value_block_bytes(code, shape.headWidth)
        return shape.layers.count * shape.keyValueHeadCount * head
    }
}
