/// Options of a command as a results file records them. A file may hold what no flag lets through, so numbers are looked
/// at again.
protocol RecordedOptions: Decodable, Sendable {
    var prompts: PromptSource { get }
    /// The bounds of those numbers that the command's job takes as they are.
    var bounds: [OptionBound] { get }
}

/// Where a number of the options has to lie.
struct OptionBound {
    let field: String
    let value: Double
    let range: ClosedRange<Double>

    init(_ field: String, _ value: Int?, _ range: ClosedRange<Double> = 1...10_000_000) {
        self.field = field
        // What is missing is in range.
        self.value = value.map { Double($0) } ?? range.lowerBound
        self.range = range
    }
}

extension RecordedOptions {
    /// - Parameter path: of the file.
    /// - Throws: `IOIError` naming the file and the number that is out of its bounds.
    func check(path: String) throws {
        for bound in [OptionBound("prompts.count", prompts.count)] + bounds where !bound.range.contains(bound.value) {
            func text(_ value: Double) -> String { String(format: "%.0f", value) }
            throw IOIError(
                "\(path): options.\(bound.field): found \(text(bound.value)), expected \(text(bound.range.lowerBound)) to "
                    + text(bound.range.upperBound)
            )
        }
    }
}

extension Ablation {
    fileprivate func bounds(_ field: String) -> [OptionBound] {
        [OptionBound("\(field).learning.steps", kind == .optimal ? learning?.steps ?? 0 : nil)]
    }
}

extension EvaluationOptions: RecordedOptions {
    var bounds: [OptionBound] { [] }
}

extension PatchOptions: RecordedOptions {
    var bounds: [OptionBound] {
        switch mode {
        case .activation: []
        case .path(let path): path.ablation.bounds("ablation")
        case .crossModel(let crossModel): [OptionBound("random_sets", crossModel.randomSets, 0...10_000)]
        }
    }
}

extension KnockoutOptions: RecordedOptions {
    var bounds: [OptionBound] { [OptionBound("abc_count", reference)] + ablation.bounds("ablation") }
}

extension FaithfulnessOptions: RecordedOptions {
    var bounds: [OptionBound] {
        [OptionBound("random_sets", randomSets, 0...100_000), OptionBound("method.abc_count", method.reference)]
            + method.ablation.bounds("method.ablation")
    }
}

extension HeadsOptions: RecordedOptions {
    var bounds: [OptionBound] { ablation.bounds("ablation") }
}

extension ValidateOptions: RecordedOptions {
    var bounds: [OptionBound] {
        [
            OptionBound("abc_count", reference), OptionBound("random_sets", randomSets, 1...100_000),
            OptionBound("greedy.runs", greedy.runs, 1...10_000), OptionBound("greedy.steps", greedy.steps, 1...10_000),
            OptionBound("greedy.candidates", greedy.candidates, 1...10_000),
            OptionBound("greedy.prompts", greedy.prompts),
        ] + ablation.bounds("ablation")
    }
}

extension DiscoverOptions: RecordedOptions {
    var bounds: [OptionBound] {
        guard case .attribution(let attribution) = method else { return ablation.bounds("ablation") }
        let field = "method.attribution._0"
        return [
            OptionBound("\(field).edges", attribution.edges, 1...100_000_000),
            OptionBound("\(field).steps", attribution.steps, 1...1000),
            OptionBound("\(field).resamples", attribution.resamples, 0...10_000),
        ] + ablation.bounds("ablation")
    }
}
