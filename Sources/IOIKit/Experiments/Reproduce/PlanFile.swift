import Foundation

extension Plan {
    /// Reads a plan.
    ///
    /// - Parameter name: the name of a plan in `Data/plans`, or a file's path.
    /// - Throws: `IOIError` that names the file, the field, what was found and what was expected.
    public static func named(_ name: String) throws -> Plan { try read(name).plan }

    /// The JSON of a plan as its file has it, to start another from.
    ///
    /// - Parameter name: as for ``named(_:)``.
    /// - Throws: what ``named(_:)`` throws.
    public static func json(named name: String) throws -> Data { try read(name).json }

    private static func read(_ name: String) throws -> (plan: Plan, json: Data) {
        let isName = !name.contains("/") && !name.hasSuffix(".json")
        let file = isName ? try builtIn(name) : URL(fileURLWithPath: name)
        let json = try InputFile.read(file)
        try checkKeys(json, path: file.path)
        let plan = try InputFile.decode(Plan.self, from: json, path: file.path)
        do {
            try plan.checkFigures()
            if let circuit = plan.circuit { _ = try Circuit.recordedName(circuit) }
        } catch let error as IOIError {
            throw IOIError("\(file.path): \(error)")
        }
        return (plan, json)
    }

    private static func builtIn(_ name: String) throws -> URL {
        let names = try DataDirectory.names(in: "plans")
        guard names.contains(name) else {
            throw IOIError.invalid(
                "plan", "found \(name.quoted), expected \(names.joined(separator: ", ")) or a file")
        }
        return try DataDirectory.file("plans/\(name).json")
    }

    /// Checks the claims against the model that is measured.
    ///
    /// - Throws: `IOIError` that names the claim.
    func validate(for config: GPT2Config) throws {
        do {
            for (index, claim) in claims.enumerated() {
                try IOIError.scoped("claims[\(index)]") { try claim.validate(for: config) }
            }
            try checkFigures()
        } catch let error as IOIError {
            throw IOIError.usage("plan \(name): \(error)")
        }
    }

    static func check(_ isValid: Bool, _ field: String, found: String, expected: String) throws {
        guard isValid else { throw IOIError.invalid(field, "found \(found), expected \(expected)") }
    }

    /// - Parameter others: the names before it.
    static func checkName(_ name: String, among others: some Sequence<String>) throws {
        // It becomes part of the names of files.
        let isPlain =
            !name.isEmpty && !name.hasPrefix(".") && name.utf8.count <= 100
            && !name.unicodeScalars.contains {
                "/@".unicodeScalars.contains($0) || $0.properties.generalCategory == .control
            }
        try check(
            isPlain, "name", found: name.quoted,
            expected: "a name of at most 100 characters without / and @ that does not begin with a dot")
        try check(!others.contains(name), "name", found: name.quoted, expected: "each name once")
    }
}

extension Plan: CheckedRecord {
    /// Checks what a plan says by itself, whatever the model.
    ///
    /// - Throws: `IOIError` that names the field.
    package func check() throws {
        try IOIError.scoped("prompts", prompts.validate)
        try IOIError.scoped("training") {
            try IOIError.check("count", training.count, in: 1...PromptSource.most)
            var settings = TrainingSettings(epochs: 1, threads: 1, savedEpochs: [])
            if let batch = training.batch { settings.batch = batch }
            if let rate = training.learningRate { settings.optimizer.learningRate = rate }
            try settings.validate()
        }
        if let walk { try IOIError.scoped("walk", walk.walk.validate) }
        for (index, stage) in stages.enumerated() {
            try IOIError.scoped("stages[\(index)]") { try stage.validate(in: self, after: stages[..<index]) }
        }
        if let twice = stages.flatMap(\.measurements).firstRepeated() {
            throw IOIError.invalid("stages", "found \(twice) twice, expected each measure of a model once")
        }
        let measured = Set(stages.flatMap(\.measurements))
        for (index, claim) in claims.enumerated() {
            try IOIError.scoped("claims[\(index)]") {
                try Self.checkName(claim.name, among: claims[..<index].lazy.map(\.name))
                try claim.validate(measured: measured)
            }
        }
    }
}

extension Plan.Stage {
    fileprivate func validate(in plan: Plan, after others: ArraySlice<Plan.Stage>) throws {
        try Plan.checkName(name, among: others.lazy.map(\.name))
        try Plan.check(
            name != Plan.all && !name.hasPrefix("+"), "name", found: name.quoted,
            expected: "a name other than \(Plan.all), which is all stages, and without + before it, which adds one")
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
        if let count { try IOIError.check("count", count, in: 1...PromptSource.most) }
        try plan.settings(of: self, epochs: epochs, workers: Workers(count: 1)).validate()
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
            try Plan.check(
                rule.atLeast == nil && rule.atMost == nil, "rule", found: "bounds beside nearer", expected: "none")
            try Plan.check(rule.of != nil, "rule.of", found: "nothing", expected: "the figure to be nearer than")
            try Plan.check(
                published?.value != nil, "published.value", found: "nothing", expected: "the figure to be near to")
            return
        }
        try Plan.check(
            rule.atLeast != nil || rule.atMost != nil, "rule", found: "neither", expected: "at_least, at_most or both")
        try Plan.check(
            rule.relation == nil || rule.of != nil, "rule.relation", found: rule.relation?.rawValue ?? "",
            expected: "none without the other figure, of")
        if let lower = rule.atLeast, let upper = rule.atMost {
            try Plan.check(lower <= upper, "rule.at_least", found: "\(lower)", expected: "at most at_most, \(upper)")
        }
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
