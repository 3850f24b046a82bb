internal import CIsterKernels

extension Weights {
    /// Copies all matrices but the embedding, of which a step reads single rows, into the memory of those who read them.
    func spread(_ team: Team) throws(DecoderError) {
        var copies = WeightCopies(team.placement)
        let headOffset = copies.add([head])[0]
        let offsets = unsafe layers.map { $0.plan(&copies) }
        let memory = try copies.write(team)
        unsafe head.matrix.panels = UnsafeRawPointer(memory.base + headOffset)
        for layer in unsafe layers.indices {
            unsafe layers[layer].move(to: offsets[layer].map { unsafe UnsafeRawPointer(memory.base + $0) })
        }
        copied = memory
    }
}

extension LayerWeights {
    /// Offsets of the copies, in the order of the forward pass; what is added together is multiplied together.
    fileprivate func plan(_ copies: inout WeightCopies) -> [Int] {
        let steps = (gate.panelCount + 1) / 2
        return copies.add([query, key, value]) + copies.add([output])
            + [gate, up].map { copies.add($0, items: steps, panelsPerItem: 2) } + copies.add([down])
    }

    fileprivate mutating func move(to places: [UnsafeRawPointer]) {
        unsafe query.matrix.panels = unsafe places[0]
        unsafe key.matrix.panels = unsafe places[1]
        unsafe value.matrix.panels = unsafe places[2]
        unsafe output.matrix.panels = unsafe places[3]
        unsafe gate.matrix.panels = unsafe places[4]
        unsafe up.matrix.panels = unsafe places[5]
        unsafe down.matrix.panels = unsafe places[6]
    }
}
