import Foundation

/// The checks of a ``ModelCheck`` and what they find.
final class ModelCheckRun {
    /// Thrown by a check that does not find what it expects.
    private struct Mismatch: Error {
        let found: String

        init(_ found: String) { self.found = found }
    }

    private let folder: URL
    private let workers: Workers
    private var checks: [ModelCheck.Results.Check] = []
    private var dataset: IOIDataset?
    // nil or false if the check failed or was skipped.
    private var config: GPT2Config?
    private var parameters: GPT2Parameters?
    private var tokenizer: BPETokenizer?
    private var hasWords = false
    private var sha256: Result<String, any Error>

    init(folder: URL, workers: Workers) {
        self.folder = folder
        self.workers = workers
        sha256 = Result {
            try SafetensorsSet.sha256(at: ModelLocation(folder: folder).weightsFile)
        }
    }

    var results: ModelCheck.Results {
        ModelCheck.Results(checks: checks, sha256: try? sha256.get(), dataset: dataset)
    }

    // MARK: Any model

    func checkFiles() {
        config = check("config", "the config.json of a GPT-2") {
            let config = try GPT2Config(contentsOf: file("config.json"))
            return (
                config,
                "\(config.layers) layers of \(config.heads) heads, width \(config.width), MLPs of \(config.innerWidth), "
                    + "context \(config.contextLength), vocabulary \(config.vocabularySize)"
            )
        }
        checkWeights()
        checkTokenizer()
        checkWords()
    }

    private func checkWeights() {
        let expected = (weights: "exactly the tensors of this config, in their shapes", finite: "finite numbers only")
        guard let config else {
            skip("weights", "there is no valid config", expected.weights)
            skip("finite", "there is no valid config", expected.finite)
            return
        }
        let parameters = check("weights", expected.weights) {
            // Explains what to do about other formats.
            let location = try ModelLocation(folder: folder)
            let checkpoint = try GPT2Checkpoint(contentsOf: location.weightsFile)
            // Of what is measured, if the folder has changed since.
            sha256 = Result { try SafetensorsSet.sha256(of: checkpoint.weights.hashes) }
            let parameters = try GPT2Parameters(checkpoint, config: config, unchecked: workers)
            return (parameters, "\(parameters.entries.count) tensors of \(parameters.count) numbers")
        }
        guard let parameters else {
            skip("finite", "there are no valid weights", expected.finite)
            return
        }
        self.parameters = check("finite", expected.finite) {
            if let name = parameters.firstNonFinite(workers: workers) {
                throw Mismatch("tensor \(name) holds a NaN or an infinity")
            }
            return (parameters, "finite numbers")
        }
    }

    private func checkTokenizer() {
        let expected = config.map { "a tokenizer of \($0.vocabularySize) tokens or fewer" } ?? "a tokenizer"
        guard BPETokenizer.file(in: folder) != nil else {
            skip(
                "tokenizer",
                "there is no tokenizer.json, vocab.json or merges.txt, so prompts must include their token ids",
                expected
            )
            return
        }
        tokenizer = check("tokenizer", expected) {
            let tokenizer = try config.map { try GPT2.requireTokenizer(in: folder, config: $0) }
            let found = try tokenizer ?? BPETokenizer(directory: folder)
            return (found, "\(found.vocabularySize) tokens")
        }
    }

    private func checkWords() {
        let expected = "each is one token after a space, separate from the text around it"
        guard let tokenizer else {
            skip("words", "there is no valid tokenizer", expected)
            return
        }
        hasWords = note("words", expected, nil) {
            let (templates, names) = (try TemplateSet.standard(), try NameList.standard())
            _ = try PromptGenerator(
                templates: templates, names: names, tokenizer: tokenizer, contextLength: config?.contextLength
            )
            return (
                "\(names.names.count) names, \(templates.places.count) places and \(templates.objects.count) objects, in "
                    + "\(templates.templates.count) templates", true
            )
        }
    }

    // MARK: Models with expectations

    func checkHash(_ expectations: ModelExpectations) {
        guard let expected = expectations.sha256 else { return }
        note("sha256", expected, expectations.source) {
            let found = try sha256.get()
            return (found, found == expected)
        }
    }

    func checkMetrics(_ expectations: ModelExpectations, progress: @escaping (Double) -> Void) {
        let wanted = ModelExpectations.Metric.allCases.compactMap { metric in
            expectations.metrics[metric.rawValue].map { (metric, $0) }
        }
        guard !wanted.isEmpty else { return }
        func text(_ bounds: ModelExpectations.Bounds) -> String {
            "\(bounds.bounds[0]) to \(bounds.bounds[1]) on \(expectations.prompts) held-out clean prompts"
        }
        guard let config, let parameters, let tokenizer, hasWords else {
            for (metric, bounds) in wanted { skip(metric.rawValue, missing, text(bounds), bounds.source) }
            return
        }
        let measured = Result {
            var source = PromptSource(count: expectations.prompts)
            (source.seed, source.heldOut) = (expectations.seed, true)
            let dataset = try source.prompts(tokenizer: tokenizer, config: config)
            let measures = try Evaluator(parameters, workers: workers).measure(dataset.prompts) {
                progress(Double($0) / Double(dataset.count))
            }
            return (dataset, Evaluation(measures, seed: expectations.seed).all)
        }
        dataset = try? measured.get().0
        for (metric, bounds) in wanted {
            note(metric.rawValue, text(bounds), bounds.source) {
                let figures = try measured.get().1
                let value = figures[metric]
                // A model may order the two names well without predicting either.
                let beside = metric == .accuracy ? ", IO first of all tokens \(Self.number(figures.top1.mean))" : ""
                return (
                    "\(Self.number(value.mean)) \(Self.interval(value.bounds))\(beside)",
                    bounds.bounds[0] <= value.mean && value.mean <= bounds.bounds[1]
                )
            }
        }
    }

    func checkContinuations(_ expectations: ModelExpectations) {
        for (index, continuation) in expectations.continuations.enumerated() {
            let name = "continuation \(index + 1)"
            let answers =
                continuation.tolerance.map {
                    "\(Self.list(continuation.ranked.map { ($0.token, $0.probability) })), ± \(String(format: "%g", 100 * $0)) %,"
                } ?? continuation.answer.quoted
            let expected = "\(answers) after \(continuation.text.quoted)"
            guard let config, let parameters, let tokenizer else {
                skip(name, missing, expected, continuation.source)
                continue
            }
            note(name, expected, continuation.source) {
                let tokens = tokenizer.encode(continuation.text)
                guard tokens.count <= config.contextLength else {
                    throw Mismatch("\(tokens.count) tokens of text, more than the context of \(config.contextLength)")
                }
                guard let answer = tokenizer.token(for: continuation.answer) else {
                    throw Mismatch("the answer is \(tokenizer.encode(continuation.answer).count) tokens")
                }
                let probabilities = nextTokens(after: tokens, parameters)
                let likely = probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
                let found = "\(tokenizer.decode([likely]).quoted), probability \(Self.number(probabilities[likely]))"
                guard let tolerance = continuation.tolerance else { return (found, likely == answer) }
                let wanted = continuation.ranked
                let ranked = probabilities.indices.sorted { probabilities[$0] > probabilities[$1] }[..<wanted.count]
                let isExpected = zip(ranked, wanted).allSatisfy { token, expected in
                    token == tokenizer.token(for: expected.token)
                        && abs(probabilities[token] - expected.probability) <= tolerance
                }
                return (Self.list(ranked.map { (tokenizer.decode([$0]), probabilities[$0]) }), isExpected)
            }
        }
    }

    /// The probability of each next token. [vocabulary]
    private func nextTokens(after tokens: [Int], _ parameters: GPT2Parameters) -> [Double] {
        let batch = PackedBatch([tokens], rows: .last)
        let forward = ForwardPass(parameters, capacity: batch.capacity, workers: workers)
        forward.run(batch)
        let logits = forward.logits(of: 0..<1).row(0)
        let greatest = Double(logits.max()!)
        let powers = logits.map { exp(Double($0) - greatest) }
        let total = powers.reduce(0, +)
        return powers.map { $0 / total }
    }

    private static func list(_ tokens: [(String, Double)]) -> String {
        tokens.map { "\($0.0.quoted) \(String(format: "%.2f", 100 * $0.1)) %" }.joined(separator: ", ")
    }

    /// - Parameter prompts: those of which figures are to be checked; empty for none.
    func checkPublishedPrompts(_ expectations: ModelExpectations, _ prompts: [IOIPrompt]) {
        let given = prompts.isEmpty ? nil : IOIDataset.tokensSHA256(prompts)
        for published in expectations.publishedPrompts {
            let name = "published prompts"
            let expected =
                "logit difference \(Self.differences(published.logitDifference, published.first)) ± "
                + "\(published.tolerance) on \(published.count) published prompts"
            guard published.tokensSHA256 == given else {
                skip(name, "no file with these prompts was given", expected, published.source)
                continue
            }
            guard let config, let parameters else {
                skip(name, missing, expected, published.source)
                continue
            }
            note(name, expected, published.source) {
                let largest = prompts.flatMap { $0.tokens + [$0.ioToken, $0.sToken] }.max()!
                let longest = prompts.map(\.tokens.count).max()!
                guard largest < config.vocabularySize, longest <= config.contextLength else {
                    throw Mismatch(
                        "prompts of up to \(longest) tokens with ids up to \(largest), which do not fit the model")
                }
                let differences = try Evaluator(parameters, workers: workers).measure(prompts).map(\.logitDifference)
                let mean = differences.reduce(0, +) / Double(differences.count)
                let first = Array(differences.prefix(published.first.count))
                let isExpected = zip([mean] + first, [published.logitDifference] + published.first)
                    .allSatisfy { abs($0 - $1) <= published.tolerance }
                return ("logit difference \(Self.differences(mean, first))", isExpected)
            }
        }
    }

    /// The mean, and the values of the first prompts.
    private static func differences(_ mean: Double, _ first: [Double]) -> String {
        let texts = ([mean] + first).map { String(format: "%.4f", $0) }
        return texts[0] + (first.isEmpty ? "" : " (first \(texts.dropFirst().joined(separator: ", ")))")
    }

    func checkRepeatedTokens(_ expectations: ModelExpectations) {
        guard let diagonals = expectations.repeatedTokens else { return }
        let kinds: [(String, ModelExpectations.LeadingHeads?, KeyPath<RepeatedTokens, [[Double]]>)] = [
            ("previous token heads", diagonals.previous, \.previous),
            ("duplicate token heads", diagonals.duplicate, \.duplicate),
            ("induction heads", diagonals.induction, \.induction),
        ]
        let wanted = kinds.compactMap { name, leading, scores in leading.map { (name, $0, scores) } }
        guard !wanted.isEmpty else { return }
        func text(_ leading: ModelExpectations.LeadingHeads) -> String {
            "\(leading.heads.map(\.description).joined(separator: ", ")) among the first \(leading.among)"
        }
        guard let config, let parameters, diagonals.pool == .vocabulary || tokenizer != nil else {
            for (name, leading, _) in wanted { skip(name, missing, text(leading), leading.source) }
            return
        }
        let measured = Result {
            let pool =
                try diagonals.pool == .names
                ? NameList.standard().names.compactMap { tokenizer?.token(for: " " + $0) } : nil
            guard pool?.isEmpty != true else { throw Mismatch("no name is a single token") }
            return try RepeatedTokens(
                parameters, length: diagonals.length, seed: expectations.seed, drawnFrom: pool, workers: workers
            )
        }
        for (name, leading, scores) in wanted {
            note(name, text(leading), leading.source) {
                let all = try measured.get()[keyPath: scores]
                for head in leading.heads {
                    if let problem = config.problem(with: head) { throw IOIError("checks.json: \(problem)") }
                }
                let ranked = leading.heads.map { head in
                    let score = all[head.layer][head.index]
                    return (head: head, rank: 1 + all.joined().count { $0 > score }, score: score)
                }
                return (
                    ranked.map { "\($0.head) in place \($0.rank) (\(Self.number($0.score)))" }.joined(separator: ", "),
                    ranked.allSatisfy { $0.rank <= leading.among }
                )
            }
        }
    }

    // MARK: One check

    /// Adds a check whose value later checks need.
    ///
    /// - Returns: nil if it failed.
    private func check<Value>(
        _ name: String,
        _ expected: String,
        _ source: String? = nil,
        _ body: () throws -> (value: Value, found: String)
    ) -> Value? {
        func add(_ status: ModelCheck.Results.Status, _ found: String) {
            checks.append(.init(name: name, status: status, found: found, expected: expected, source: source))
        }
        do {
            let (value, found) = try body()
            add(.ok, found)
            return value
        } catch {
            add(.failed, (error as? Mismatch)?.found ?? "\(error)")
            return nil
        }
    }

    /// Adds a check that compares what it finds with what is expected.
    ///
    /// - Returns: whether they agree.
    @discardableResult
    private func note(
        _ name: String,
        _ expected: String,
        _ source: String?,
        _ body: () throws -> (found: String, isExpected: Bool)
    ) -> Bool {
        check(name, expected, source) {
            let (found, isExpected) = try body()
            guard isExpected else { throw Mismatch(found) }
            return (true, found)
        } ?? false
    }

    func skip(_ name: String, _ reason: String, _ expected: String, _ source: String? = nil) {
        checks.append(.init(name: name, status: .skipped, found: reason, expected: expected, source: source))
    }

    private func file(_ name: String) -> URL { folder.appendingPathComponent(name) }

    /// Why the model's behaviour cannot be checked.
    private var missing: String {
        if parameters == nil { return "there are no valid weights to run" }
        return tokenizer == nil ? "there is no valid tokenizer" : "the tokenizer lacks some words"
    }

    private static func number(_ value: Double) -> String { String(format: "%.3f", value) }

    private static func interval(_ bounds: [Double]) -> String { "[\(number(bounds[0])), \(number(bounds[1]))]" }
}

extension Evaluation.Summary {
    /// The mean of a metric and its 95 % interval.
    fileprivate subscript(_ metric: ModelExpectations.Metric) -> Estimate {
        switch metric {
        case .logitDifference: logitDifference
        case .accuracy: accuracy
        case .top1: top1
        case .ioProbability: ioProbability
        }
    }
}
