import IsterModelFile

extension ModelShape {
    var json: JSONText {
        .object([
            ("vocabulary_size", .integer(vocabularySize)),
            ("hidden_width", .integer(hiddenWidth)),
            ("feed_forward_width", .integer(feedForwardWidth)),
            ("layer_count", .integer(layerCount)),
            ("head_count", .integer(headCount)),
            ("key_value_head_count", .integer(keyValueHeadCount)),
            ("head_width", .integer(headWidth)),
            ("context_length", .integer(contextLength)),
            ("norm_epsilon", .float(normEpsilon)),
            ("norm_kind", .string(normKind.rawValue)),
            ("activation", .string(activation.rawValue)),
            ("tied_head", .bool(tiedHead)),
            ("query_key_value_bias", .bool(queryKeyValueBias)),
            ("attention_output_bias", .bool(attentionOutputBias)),
            ("feed_forward_bias", .bool(feedForwardBias)),
            ("query_key_norm", .bool(queryKeyNorm)),
            ("output_norms", .bool(outputNorms)),
            ("attention_scale", .float(attentionScale)),
            ("embedding_scale", .float(embeddingScale)),
            ("rotaries", .array(rotaries.map(\.json))),
            (
                "layers",
                .array(
                    layers.map { layer in
                        .object([("window", .optional(layer.window)), ("rotary", .integer(layer.rotary))])
                    })
            ),
        ])
    }

    /// For a person: the numbers by which models are told apart.
    var lines: [String] {
        let windows = Set(layers.map(\.window)).compactMap { $0 }.sorted().map(String.init)
        return [
            "layers           \(layerCount) of width \(hiddenWidth), feed-forward \(feedForwardWidth)",
            "heads            \(headCount) of width \(headWidth), \(keyValueHeadCount) for keys and values",
            "vocabulary       \(vocabularySize), head \(tiedHead ? "tied to the embedding" : "of its own")",
            "context          \(contextLength)"
                + (windows.isEmpty ? "" : ", sliding window \(windows.joined(separator: ", "))"),
        ]
    }
}

extension ModelShape.Rotary {
    var json: JSONText {
        .object([("theta", .number(theta)), ("scaling", scaling.json)])
    }
}

extension ModelShape.Scaling {
    var json: JSONText {
        switch self {
        case .none:
            .object([("kind", .string("none"))])
        case .linear(let factor):
            .object([("kind", .string("linear")), ("factor", .number(factor))])
        case .llama3(let factor, let low, let high, let context):
            .object([
                ("kind", .string("llama3")), ("factor", .number(factor)), ("low_frequency_factor", .number(low)),
                ("high_frequency_factor", .number(high)), ("original_context", .integer(context)),
            ])
        case .yarn(let factor, let fast, let slow, let context, let attention, let truncate):
            .object([
                ("kind", .string("yarn")), ("factor", .number(factor)), ("beta_fast", .number(fast)),
                ("beta_slow", .number(slow)), ("original_context", .integer(context)),
                ("attention_factor", .optional(attention)), ("truncate", .bool(truncate)),
            ])
        }
    }
}
