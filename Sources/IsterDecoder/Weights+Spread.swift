internal import CIsterKernels
internal import IsterModelFile

extension Weights {
    /// Copies what the options say.
    func copy(_ team: Team, _ options: DecoderOptions) throws(DecoderError) {
        let isSpread = team.placement.isSpread, isForPages = options.weightCopies == .forNodesAndPages
        // Else a start would wait for the list of the file's pages in vain.
        guard options.weightCopies != .never, isSpread || isForPages else { return }
        let copies = CopyDecision(
            fileBytes: file.fileBytes, hugePageFraction: options.hugePageFraction ?? file.hugePageFraction,
            hugePages: Machine.hugePages, available: options.availableMemory ?? Machine.availableMemory)
        lacksRoomForCopies = isSpread && !copies.haveRoom
        let isWanted = isSpread ? copies.haveRoom : copies.areWorthIt(leastBytes: options.leastCopiedBytes)
        if isWanted { try spread(team) }
    }

    /// Copies all matrices but the embedding, of which a step reads single rows, into the memory of those who read
    /// them.
    private func spread(_ team: Team) throws(DecoderError) {
        var copies = WeightCopies(team.placement)
        let headOffset = copies.add([head])[0]
        let offsets = unsafe layers.map { $0.plan(&copies) }
        let memory = try copies.write(team)
        unsafe head.matrix.panels = UnsafeRawPointer(memory.base + headOffset)
        for layer in unsafe layers.indices {
            unsafe layers[layer].move(to: offsets[layer].map { unsafe UnsafeRawPointer(memory.base + $0) })
        }
        copied = memory
        file.unmapPages()
    }
}

/// What decides whether a file's matrices are copied: for memory nodes, if there is room, and into pages of 2 MiB.
struct CopyDecision: Equatable {
    let fileBytes: Int
    /// The part of the file that is mapped in such pages already.
    let hugePageFraction: Double
    /// As `Machine.hugePages` says it.
    let hugePages: String
    /// nil: unknown.
    let available: Int?

    /// The copies need the file's size and an eighth, so that the machine is not left without any memory. Without room
    /// the file is read where it lies.
    var haveRoom: Bool { available.map { $0 - fileBytes >= fileBytes / 8 } ?? true }

    func areWorthIt(leastBytes: Int) -> Bool {
        let isAllowed = hugePages == "always" || hugePages == "madvise"
        return isAllowed && fileBytes >= leastBytes && hugePageFraction < 0.5 && haveRoom
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
