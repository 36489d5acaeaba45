/// Times what commands compute, on few prompts.
struct CommandTimings {
    private let timings: Timings
    private let parameters: GPT2Parameters

    init(_ timings: Timings, _ parameters: GPT2Parameters) {
        self.timings = timings
        self.parameters = parameters
    }

    /// The prompts of each sweep: enough rows for products at full speed.
    private static let sweptPrompts = 16

    func measure(_ add: (Timing) -> Void) throws {
        let (config, length, workers) = (parameters.config, timings.length, timings.workers)
        let arithmetic = Arithmetic(config)
        let settings = RunSettings(workers: workers)
        let all = prompts(timings.batch)
        let swept = prompts(Self.sweptPrompts)
        let heads = (0..<config.layers).flatMap { layer in (0..<config.heads).map { Head(layer, $0) } }
        /// Of the runs of prompts and counterfactuals, or of host and donor, that sweeps start from.
        func runs(_ prompts: [Prompt]) -> Double {
            2 * arithmetic.forward(rows: prompts.count * length, queries: prompts.count)
        }
        func time(_ name: String, _ prompts: [Prompt], flops: Double, _ body: () throws -> Void) rethrows {
            add(
                try Timing.measure(
                    .command, "\(name), \(prompts.count) prompts of \(length)", flops: runs(prompts) + flops,
                    prompts: prompts.count, leastSeconds: timings.leastSeconds, body
                )
            )
        }

        try time("eval", all, flops: 2 * arithmetic.unembedding(rows: all.count)) {
            _ = try Evaluator(parameters, workers: workers).measure(all)
        }
        let count = Double(swept.count)
        let paths = try PathPatching(cells: heads.map { [.head($0)] }, receivers: [.logits])
        try time("paths from \(heads.count) heads to the logits", swept, flops: count * arithmetic.pathsToLogits) {
            _ = try paths.measure(parameters, swept, settings: settings)
        }
        let ends = ActivationPatching(site: .z, positions: [.one(.end)])
        try time("z of \(heads.count) heads at END", swept, flops: count * arithmetic.zAtEnd) {
            _ = try ends.measure(parameters, swept, settings: settings)
        }
        // One head a layer, because all would take minutes.
        let patterns = try CrossModelPatching(components: [.pattern], sets: (0..<config.layers).map { [Head($0, 0)] })
        try time(
            "cross-model patterns of \(config.layers) heads", swept, flops: count * arithmetic.patterns(length: length)
        ) {
            _ = try patterns.measure(host: parameters, donor: parameters, swept, settings: settings)
        }
        let edges = arithmetic.edgeAttribution(prompts: swept.count, length: length) - runs(swept)
        try time("edge attribution", swept, flops: edges) {
            _ = try EdgeAttribution().scores(parameters, swept, settings: settings)
        }
    }

    private func prompts(_ count: Int) -> [Prompt] {
        return zip(timings.prompts(count), timings.prompts(count, seed: 1)).enumerated().map { id, tokens in
            Prompt(
                id: id, dataset: "bench", template: "", group: "", text: "", tokens: tokens.0,
                counterfactualTokens: tokens.1, rightTokens: [0], wrongTokens: [1], answer: "", answerToken: 0
            )
        }
    }
}
