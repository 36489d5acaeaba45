import Foundation

extension Plan {
    /// Reads a plan.
    ///
    /// - Parameter name: the name of a plan in `Data/plans`, or a file's path.
    /// - Throws: `IOIError` that names the file, the field, what was found and what was expected.
    public static func named(_ name: String) throws -> Plan {
        let isName = !name.contains("/") && !name.hasSuffix(".json")
        let file = isName ? try builtIn(name) : URL(fileURLWithPath: name)
        let plan = try InputFile.decode(Plan.self, from: file)
        do {
            try plan.validate()
        } catch let error as IOIError {
            throw IOIError("\(file.path): \(error)")
        }
        return plan
    }

    private static func builtIn(_ name: String) throws -> URL {
        let names = try DataDirectory.names(in: "plans")
        guard names.contains(name) else {
            throw IOIError.invalid(
                "plan", "found \(name.quoted), expected \(names.joined(separator: ", ")) or a file")
        }
        return try DataDirectory.file("plans/\(name).json")
    }

    /// - Throws: `IOIError` that names the field.
    private func validate() throws {
        try IOIError.scoped("prompts", prompts.validate)
        if let circuit { _ = try Circuit.recordedName(circuit) }
        try IOIError.scoped("training") {
            try Self.checkCount("count", training.count)
            if let batch = training.batch { try Self.checkCount("batch", batch) }
            if let rate = training.learningRate {
                try Self.check(rate > 0 && rate <= 1, "lr", found: "\(rate)", expected: "above 0, at most 1")
            }
        }
        for (index, stage) in stages.enumerated() {
            try IOIError.scoped("stages[\(index)]") { try stage.validate(in: self, after: stages[..<index]) }
        }
        if let twice = stages.flatMap(\.measurements).firstRepeated() {
            throw IOIError.invalid("stages", "found \(twice) twice, expected each measure of a model once")
        }
        let measured = Set(stages.flatMap(\.measurements))
        for (index, claim) in claims.enumerated() {
            try IOIError.scoped("claims[\(index)]") { try claim.validate(measured: measured) }
        }
    }

    /// Checks the claims against the model that is measured.
    ///
    /// - Throws: `IOIError` that names the claim.
    func validate(for config: GPT2Config) throws {
        do {
            for (index, claim) in claims.enumerated() {
                try IOIError.scoped("claims[\(index)]") { try claim.validate(for: config) }
            }
        } catch let error as IOIError {
            throw IOIError.usage("plan \(name): \(error)")
        }
    }

    static func check(_ isValid: Bool, _ field: String, found: String, expected: String) throws {
        guard isValid else { throw IOIError.invalid(field, "found \(found), expected \(expected)") }
    }

    static func checkCount(_ field: String, _ count: Int) throws {
        try check(count > 0, field, found: "\(count)", expected: "1 or more")
    }
}

extension Plan.Stage {
    fileprivate func validate(in plan: Plan, after others: ArraySlice<Plan.Stage>) throws {
        let isValid = !name.isEmpty && !name.contains { "/@".contains($0) }
        try Plan.check(isValid, "name", found: name.quoted, expected: "a name without / and @")
        let isNew = !others.contains { $0.name == name }
        try Plan.check(isNew, "name", found: name.quoted, expected: "each name once")
        for measure in measure { try measure.validate(in: plan, isOfBase: dataset == nil) }
        guard let dataset else {
            try Plan.check(from == nil, "dataset", found: "nothing", expected: "a dataset to train on")
            try Plan.check(
                recipe == nil, "recipe", found: recipe?.description ?? "", expected: "none without a dataset")
            return
        }
        try Plan.check(
            PromptSource.datasets.contains(dataset), "dataset", found: dataset.quoted,
            expected: "one of \(PromptSource.datasets.joined(separator: ", "))"
        )
        if let from {
            let isKnown = from == .base || others.contains { $0.models.contains(from) }
            try Plan.check(
                isKnown, "from", found: from.description.quoted, expected: "an epoch of an earlier stage")
        }
        let epochs = epochs ?? []
        try Plan.check(
            epochs.first ?? 0 > 0 && zip(epochs, epochs.dropFirst()).allSatisfy(<), "epochs", found: "\(epochs)",
            expected: "ascending epochs from 1"
        )
        if let count { try Plan.checkCount("count", count) }
    }
}

extension Claim {
    fileprivate func validate(measured: Set<String>) throws {
        for (field, figure) in [("figure", figure), ("of", rule.of)] {
            guard let figure else { continue }
            try Plan.check(
                measured.contains(figure.measurement), field, found: figure.description.quoted,
                expected: "a figure that a stage measures, such as clean@1/eval/logit_difference"
            )
            try Plan.check(
                figure.measure != nil || figure.steps == ["loss"], field, found: figure.description.quoted,
                expected: "\(figure.measurement)/loss"
            )
        }
        try published?.validate()
        if rule.relation == .nearer {
            try Plan.check(rule.of != nil, "rule.of", found: "nothing", expected: "the figure to be nearer than")
            try Plan.check(
                published?.value != nil, "published.value", found: "nothing", expected: "the figure to be near to")
            return
        }
        try Plan.check(
            rule.atLeast != nil || rule.atMost != nil, "rule", found: "neither", expected: "at_least, at_most or both")
    }

    fileprivate func validate(for config: GPT2Config) throws {
        for (field, figure) in [("figure", figure), ("of", rule.of)] {
            for head in figure?.heads ?? [] {
                if let problem = config.problem(with: head) { throw IOIError.invalid(field, problem) }
            }
        }
        guard let map = published?.map else { return }
        try Plan.check(
            map.count == config.layers && map[0].count == config.heads, "published.map",
            found: "\(map.count) × \(map[0].count) heads",
            expected: "\(config.layers) × \(config.heads), all of the model"
        )
    }
}
