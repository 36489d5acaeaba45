import Foundation

// What a plan may say: its keys, and the figures that its measures give. Both are found from the types.

extension Plan {
    /// - Throws: `IOIError` that names a key which plans do not have, and the nearest that they have.
    static func checkKeys(_ json: Data, path: String) throws {
        let found = try InputFile.decode(JSONValue.self, from: json, path: path)
        do {
            try found.checkKeys(in: .form(of: Plan.self), at: "")
        } catch let error as IOIError {
            throw IOIError("\(path): \(error)")
        }
    }

    /// - Throws: `IOIError` that names a claim about a figure which its measure does not give.
    func checkFigures() throws {
        var forms: [String: JSONValue] = [:]
        for (index, claim) in claims.enumerated() {
            try IOIError.scoped("claims[\(index)]") {
                try check(claim.figure, "figure", isMap: claim.published?.map != nil, &forms)
                if let other = claim.rule.of { try check(other, "rule.of", isMap: false, &forms) }
            }
        }
    }

    /// - Parameter forms: those of the results so far, by measurement.
    private func check(_ path: FigurePath, _ field: String, isMap: Bool, _ forms: inout [String: JSONValue]) throws {
        guard let measure = path.measure else { return }
        let form = try forms[path.measurement] ?? form(of: measure, isOfBase: path.model == .base)
        forms[path.measurement] = form
        let steps = try path.steps(in: form, field)
        let found = "found \(path.description.quoted)"
        if isMap {
            let map = try? form.map(at: steps, file: "")
            guard let map, map.joined().allSatisfy(\.isFinite), map.map(\.count) == [1] else {
                throw IOIError.invalid(field, "\(found), expected a map of heads to compare with the published one")
            }
        } else if try Estimate(at: steps, in: form, file: "").value == nil {
            throw IOIError.invalid(field, "\(found), which is a list or an object, expected a number in it")
        }
    }

    /// The form of the results of a measure, with what this plan can have of it.
    private func form(of measure: Measure, isOfBase: Bool) throws -> JSONValue {
        let isIOI = ChoiceTask(dataset: dataset(of: measure)) == nil
        var missing: Set<String> = ["per_prompt"]
        if scale ?? .original == .original { missing.formUnion(["counterfactual", "gap", "effect_note"]) }
        let form: JSONValue
        switch measure.kind {
        case .eval, .agreement, .greaterThan, .pronouns, .colours:
            form = try isIOI ? .form(of: Evaluation.self) : .form(of: ChoiceEvaluation.self)
        case .faithfulness, .surface:
            form = try .form(of: FaithfulnessResults.self)
            if measure.kind == .faithfulness { missing.insert("surface") }
        case .circuit:
            form = try .form(of: DiscoverResults.self)
        case .patterns, .outputs, .queries:
            let results = try JSONValue.form(of: CrossModelResults.self)
            form = .object([PatchExperiment.CrossModel.Direction.donorToHost.rawValue: results])
        case .direct:
            form = try .form(of: PatchMap.self)
            missing.formUnion(["donor", "recovered"])
        case .mlps, .knockout:
            form = try .form(of: KnockoutResults.self)
        case .heads:
            form = try .form(of: HeadsResults.self)
            if isOfBase { missing.formUnion(["donor", "comparison"]) }
            missing.formUnion(
                isIOI
                    ? ["position_attention"]
                    : [
                        "attention", "class_attention", "attribution_scatter", "copying_score", "s_inhibition",
                        "backup_movers",
                    ])
        }
        return form.without(missing)
    }

    /// Checks the names of entries that figures are about against the circuit and the prompts.
    ///
    /// - Parameters:
    ///   - circuit: nil for none.
    ///   - layers: the number of layers.
    ///   - prompts: those that a measure of a model is made on; nil if it is not made.
    /// - Throws: `IOIError` that names the claim.
    func checkEntries(
        _ circuit: Circuit?,
        layers: Int,
        prompts: (PlanModel, Measure) -> [Prompt]? = { _, _ in nil }
    ) throws {
        let classes = circuit?.classes ?? []
        for (index, claim) in claims.enumerated() {
            for (field, path) in [("figure", claim.figure), ("rule.of", claim.rule.of)] {
                guard let path, let measure = path.measure,
                    let place = path.steps.firstIndex(where: Self.lists.contains),
                    path.steps.indices.contains(place + 1)
                else { continue }
                let names: [String]
                switch (path.steps[place], measure.kind) {
                case ("sets", .patterns), ("sets", .outputs), ("sets", .queries):
                    let isAbout = isOwnTask(measure) && circuit != nil
                    names = isAbout ? ["circuit"] + classes.filter { !$0.heads.isEmpty }.map(\.name) + ["outside"] : []
                case ("each", .knockout): names = classes.map(\.name)
                case ("each", .mlps): names = (0..<layers).map { "MLP \($0)" }
                case (let split, _):
                    guard let prompts = prompts(path.model, measure) else { continue }
                    switch split {
                    case "by_template": names = Set(prompts.map(\.template)).sorted()
                    case "by_order", "by_group": names = Set(prompts.map(\.group)).sorted()
                    case "position_attention": names = Set(prompts.flatMap(\.positions.names).map(\.text)).sorted()
                    default: continue
                    }
                }
                let name = path.steps[place + 1]
                // An entry of a list may be named by its place.
                let isPlace =
                    ["sets", "each"].contains(path.steps[place]) && Int(name).map(names.indices.contains) == true
                guard !names.contains(name), !isPlace else { continue }
                throw IOIError.usage(
                    "plan \(self.name): claims[\(index)].\(field): found \(name.quoted) in \(path.description.quoted), "
                        + "expected \(names.isEmpty ? "no entry, because there is none" : names.alternatives(to: name))"
                )
            }
        }
    }

    /// The fields whose entries have names that the circuit or the prompts give.
    private static let lists: Set<String> = [
        "sets", "each", "by_template", "by_order", "by_group", "position_attention",
    ]
}

extension FigurePath {
    /// The steps through the form of the results, in which one entry represents all.
    ///
    /// - Throws: `IOIError` for `field` that names the step which leads nowhere.
    fileprivate func steps(in form: JSONValue, _ field: String) throws -> [String] {
        var (value, taken) = (form, [String]())
        for (place, step) in steps.enumerated() {
            switch value {
            case .object(let fields):
                if let head = Head(step), fields["value"] != nil {
                    return taken + ["\(Head(0, 0))"] + (try rest(after: place, of: head, field))
                }
                let known = fields[step] != nil ? step : JSONValue.anyKey
                guard let next = fields[known] else {
                    throw IOIError.invalid(
                        field,
                        "found \(step.quoted) in \(description.quoted), expected "
                            + (fields.keys.sorted().alternatives(to: step)))
                }
                taken.append(known)
                value = next
            case .array(let entries):
                if let head = Head(step) {
                    return taken + ["\(Head(0, 0))"] + (try rest(after: place, of: head, field))
                }
                let isNamed = if case .object(let fields)? = entries.first { fields["name"] != nil } else { false }
                guard let next = entries.first, isNamed || Int(step).map({ $0 >= 0 }) == true else {
                    throw IOIError.invalid(
                        field,
                        "found \(step.quoted) in \(description.quoted), expected the number of an entry, or a head in a map"
                    )
                }
                taken.append("0")
                value = next
            default:
                throw IOIError.invalid(
                    field, "found \(step.quoted) in \(description.quoted), expected nothing after a figure")
            }
        }
        return taken
    }

    /// Nothing follows a head.
    private func rest(after place: Int, of head: Head, _ field: String) throws -> [String] {
        guard place == steps.count - 1 else {
            throw IOIError.invalid(
                field,
                "found \(steps[place + 1].quoted) in \(description.quoted), expected nothing after the head \(head)")
        }
        return []
    }
}

extension JSONValue {
    /// The value without fields of these names, and their intervals, at any depth.
    fileprivate func without(_ names: Set<String>) -> JSONValue {
        func isLeft(_ name: String) -> Bool {
            !names.contains(name) && !(name.hasSuffix("_ci95") && names.contains(String(name.dropLast(5))))
        }
        return switch self {
        case .object(let fields): .object(fields.filter { isLeft($0.key) }.mapValues { $0.without(names) })
        case .array(let values): .array(values.map { $0.without(names) })
        default: self
        }
    }

    /// - Throws: `IOIError` that names a key which the form does not have.
    fileprivate func checkKeys(in form: JSONValue, at path: String) throws {
        switch (self, form) {
        case (.object(let fields), .object(let known)):
            for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
                guard let next = known[key] ?? known[Self.anyKey] else {
                    throw IOIError(
                        "\(path.isEmpty ? "" : "\(path): ")found the key \(key.quoted), expected "
                            + known.keys.sorted().alternatives(to: key))
                }
                try value.checkKeys(in: next, at: path.isEmpty ? key : "\(path).\(key)")
            }
        case (.array(let values), .array(let known)):
            guard let next = known.first else { return }
            for (index, value) in values.enumerated() { try value.checkKeys(in: next, at: "\(path)[\(index)]") }
        default: return
        }
    }
}

extension [String] {
    /// For an error: the names, and the one that was probably meant.
    fileprivate func alternatives(to word: String) -> String {
        let near = map { ($0, $0.distance(to: word)) }.min { $0.1 < $1.1 }
        let meant = near.flatMap { $0.1 <= Swift.max(1, word.count / 3) ? "; did you mean \($0.0.quoted)?" : nil }
        return (count == 1 ? "" : "one of ") + prefix(12).joined(separator: ", ") + (count > 12 ? ", …" : "")
            + (meant ?? "")
    }
}
