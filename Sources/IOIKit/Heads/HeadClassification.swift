/// A class for each head, assigned by rules on its measurements, with the evidence.
///
/// A head gets the first class whose rule it satisfies. Effects and attributions are relative to the mean logit
/// difference, must reach the thresholds in ``HeadCriteria``, and must have 95 % intervals that exclude zero.
///
/// 1. *name mover*: has a positive direct attribution, attends from END to the names (IO, S1 and S2 together), and
///    copies, by its copying score or by the correlation of its attention to a name with how much it writes of that
///    name.
/// 2. *negative name mover*: the same with a negative attribution and copying with the sign flipped.
/// 3. *S-inhibition*: attends from END to S2 more than to IO, and the logit difference falls when its z at END comes
///    from a prompt whose S2 is IO.
/// 4. *backup name mover*: attends to the names, and the logit difference falls when its path to the logits is patched
///    after, but not before, the name movers are knocked out.
/// 5. *induction*, *duplicate token*, *previous token*: its strongest attention pattern on random repeated tokens or,
///    if none is clear there, on the prompts. These classes do not imply that the task needs the head.
///
/// On prompts of another task than IOI the first four rules give way to *writer* and *negative writer*: a direct
/// attribution of either sign.
///
/// Attention is measured relative to uniform attention. The evidence for a head without a class is any effect on the
/// logit difference that reaches a threshold.
public struct HeadClassification: Codable, Equatable, Sendable {
    /// Raw values are class names in circuit files.
    public enum Kind: String, CaseIterable, Codable, Sendable {
        case nameMover = "name mover"
        case negative = "negative name mover"
        case inhibition = "S-inhibition"
        case backup = "backup name mover"
        case writer
        case negativeWriter = "negative writer"
        case induction
        case duplicateToken = "duplicate token"
        case previousToken = "previous token"
        case none

        /// Whether the class is one of IOI, or of other tasks.
        func applies(toIOI isIOI: Bool) -> Bool {
            switch self {
            case .nameMover, .negative, .inhibition, .backup: isIOI
            case .writer, .negativeWriter: !isIOI
            case .induction, .duplicateToken, .previousToken, .none: true
            }
        }
    }

    /// A measurement that supports a class.
    public struct Evidence: Equatable, Sendable {
        public enum Name: String, Codable, Sendable {
            /// In percent.
            case attributionShare = "attribution_share"
            case endToIO = "end_to_io"
            case endToS2 = "end_to_s2"
            case copying
            case negativeCopying = "negative_copying"
            /// Of the attention to names with the projections onto them.
            case correlation = "rho"
            /// In percent, from patching z at END from the prompt whose S2 is IO.
            case s2ToIOEffect = "s2_to_io_effect"
            /// In percent, from patching z at END from the counterfactual.
            case abcEffect = "abc_effect"
            /// In percent, from patching the path to the logits with the name movers knocked out, and before that.
            case backupEffect = "backup_effect"
            case effectBefore = "effect_before"
            /// On random repeated tokens.
            case repeatedAttention = "repeated_attention"
            /// On the prompts.
            case promptAttention = "prompt_attention"
        }

        public private(set) var name = Name.attributionShare
        public private(set) var estimate = Estimate()

        init(_ name: Name, _ estimate: Estimate) {
            self.name = name
            self.estimate = estimate
        }
    }

    public struct Classed: Codable, Equatable, Sendable {
        public let head: Head
        public let kind: Kind
        public let evidence: [Evidence]

        enum CodingKeys: String, CodingKey {
            case head
            case kind = "class"
            case evidence
        }
    }

    public let criteria: HeadCriteria
    /// All heads of the model, in ascending order.
    public let heads: [Classed]
    /// Classes that could not be assigned, because their evidence was not measured or because ratios to the mean logit
    /// difference are meaningless.
    public let unsettled: [Kind]

    init(_ profile: HeadProfile, config: GPT2Config, criteria: HeadCriteria) {
        let rules = HeadRules(profile, criteria)
        self.criteria = criteria
        heads = config.allHeads.map { head in
            for kind in Kind.allCases where kind != .none {
                if let evidence = rules.evidence(of: head, for: kind) {
                    return Classed(head: head, kind: kind, evidence: evidence)
                }
            }
            return Classed(head: head, kind: .none, evidence: rules.effects(of: head))
        }
        unsettled = Kind.allCases.filter { rules.applies($0) && !rules.canSettle($0) }
    }

    private enum CodingKeys: CodingKey { case criteria, heads, unsettled }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        criteria = try container.decode(HeadCriteria.self, forKey: .criteria)
        heads = try container.decode([Classed].self, forKey: .heads)
        unsettled = try container.decode([Kind].self, forKey: .unsettled)
        var counts: [Int] = []
        for head in heads.map(\.head) {
            if head.index == 0 { counts.append(0) }
            guard counts.count == head.layer + 1, counts[head.layer] == head.index else {
                throw DecodingError.dataCorruptedError(
                    forKey: .heads, in: container, debugDescription: "expected all heads in order, but for \(head)")
            }
            counts[head.layer] += 1
        }
        try MapShape.check(counts, at: container.superDecoder(forKey: .heads))
    }

    /// The heads of a class, in ascending order.
    public func heads(of kind: Kind) -> [Head] { heads.filter { $0.kind == kind }.map(\.head) }

    public subscript(head: Head) -> Classed { heads.first { $0.head == head }! }
}

private struct HeadRules {
    private let profile: HeadProfile
    private let criteria: HeadCriteria
    private let hasShares: Bool

    init(_ profile: HeadProfile, _ criteria: HeadCriteria) {
        self.profile = profile
        self.criteria = criteria
        hasShares = profile.note != .meaningless
    }

    /// Whether a class is one of the task's.
    func applies(_ kind: HeadClassification.Kind) -> Bool { kind.applies(toIOI: profile.attention != nil) }

    /// Whether the evidence for a class was measured and is meaningful.
    func canSettle(_ kind: HeadClassification.Kind) -> Bool {
        switch kind {
        case .nameMover, .negative:
            hasShares && profile.attribution != nil && (profile.copying != nil || profile.scatter != nil)
        case .inhibition: hasShares && profile.inhibition != nil
        case .backup: hasShares && profile.backup != nil
        case .writer, .negativeWriter: hasShares && profile.attribution != nil
        // These can be assigned from the prompts alone.
        case .induction, .duplicateToken, .previousToken, .none: true
        }
    }

    /// The evidence that a head belongs to a class; nil if it does not.
    func evidence(of head: Head, for kind: HeadClassification.Kind) -> [HeadClassification.Evidence]? {
        guard applies(kind), canSettle(kind) else { return nil }
        return switch kind {
        case .nameMover: mover(head, sign: 1, .copying, \.copying)
        case .negative: mover(head, sign: -1, .negativeCopying, \.negative)
        case .inhibition: inhibition(head)
        case .backup: backup(head)
        case .writer: writer(head, sign: 1)
        case .negativeWriter: writer(head, sign: -1)
        case .induction, .duplicateToken, .previousToken: attention(head, kind)
        case .none: nil
        }
    }

    /// A head's effects on the logit difference that reach a class's threshold.
    func effects(of head: Head) -> [HeadClassification.Evidence] {
        guard hasShares else { return [] }
        let estimates: [(HeadClassification.Evidence.Name, Estimate?, Double)] = [
            (.attributionShare, profile.attribution?.share[head], criteria.attribution),
            (.s2ToIOEffect, profile.inhibition?.flips[.s2ToIO]?.effect[head], criteria.inhibition),
            (.abcEffect, profile.inhibition?.flips[.abc]?.effect[head], criteria.inhibition),
            (.backupEffect, profile.backup?.after[head], criteria.backup),
        ]
        return estimates.compactMap { name, estimate, threshold in
            guard let estimate, estimate.reaches(threshold, sign: 1) || estimate.reaches(threshold, sign: -1) else {
                return nil
            }
            return .init(name, estimate)
        }
    }

    private func mover(
        _ head: Head,
        sign: Double,
        _ name: HeadClassification.Evidence.Name,
        _ map: KeyPath<CopyingScore, HeadMap>
    ) -> [HeadClassification.Evidence]? {
        let share = profile.attribution!.share[head]
        let (copying, correlation) = (profile.copying?[keyPath: map][head], profile.scatter?.correlation[head])
        let copies =
            (copying?.value ?? -1) >= criteria.copying
            || correlation?.reaches(criteria.correlation, sign: sign) ?? false
        guard share.reaches(criteria.attribution, sign: sign), copies, attendsToNames(head) else { return nil }
        return [
            .init(.attributionShare, share), .init(.endToIO, profile.attention!.heads[.endToIO]![head]),
            .init(.endToS2, profile.attention!.heads[.endToS2]![head]),
        ] + [copying.map { .init(name, $0) }, correlation.map { .init(.correlation, $0) }].compactMap { $0 }
    }

    private func writer(_ head: Head, sign: Double) -> [HeadClassification.Evidence]? {
        let share = profile.attribution!.share[head]
        return share.reaches(criteria.attribution, sign: sign) ? [.init(.attributionShare, share)] : nil
    }

    private func attendsToNames(_ head: Head) -> Bool {
        let relations: [TaskAttention.Relation] = [.endToIO, .endToS1, .endToS2]
        return isClear(relations.reduce(0) { $0 + attention(head, $1) }, relations)
    }

    private func inhibition(_ head: Head) -> [HeadClassification.Evidence]? {
        let effect = profile.inhibition!.flips[.s2ToIO]!.effect[head]
        guard effect.reaches(criteria.inhibition, sign: -1),
            isClear(attention(head, .endToS2), [.endToS2]),
            attention(head, .endToS2) > attention(head, .endToIO)
        else { return nil }
        return [.init(.endToS2, profile.attention!.heads[.endToS2]![head]), .init(.s2ToIOEffect, effect)]
    }

    private func backup(_ head: Head) -> [HeadClassification.Evidence]? {
        let backup = profile.backup!
        guard !backup.knockedOut.contains(head), backup.after[head].reaches(criteria.backup, sign: -1),
            !backup.before[head].reaches(criteria.backup, sign: -1), attendsToNames(head)
        else { return nil }
        return [.init(.backupEffect, backup.after[head]), .init(.effectBefore, backup.before[head])]
    }

    private typealias Habit = (kind: HeadClassification.Kind, attention: Double, uniform: Double)

    private func attention(_ head: Head, _ kind: HeadClassification.Kind) -> [HeadClassification.Evidence]? {
        let sources: [(HeadClassification.Evidence.Name, [Habit])] = [
            (.repeatedAttention, profile.repeated.map { habits(head, on: $0) } ?? []),
            (.promptAttention, habitsOnPrompts(head)),
        ]
        for (name, habits) in sources {
            func clarity(_ habit: Habit) -> Double { (habit.attention - habit.uniform) / (1 - habit.uniform) }
            guard let most = habits.max(by: { clarity($0) < clarity($1) }), clarity(most) >= criteria.attention else {
                continue
            }
            guard most.kind == kind else { return nil }
            let estimate =
                name == .promptAttention
                ? profile.attention!.heads[relation(of: kind)]![head]
                : Estimate(value: most.attention, ci95: nil)
            return [.init(name, estimate)]
        }
        return nil
    }

    private func habits(_ head: Head, on tokens: RepeatedTokens) -> [Habit] {
        let (layer, index) = (head.layer, head.index)
        return [
            (.induction, tokens.induction[layer][index], tokens.uniformInSecondHalf),
            (.duplicateToken, tokens.duplicate[layer][index], tokens.uniformInSecondHalf),
            (.previousToken, tokens.previous[layer][index], tokens.uniform),
        ]
    }

    private func habitsOnPrompts(_ head: Head) -> [Habit] {
        guard let onPrompts = profile.attention else { return [] }
        return [HeadClassification.Kind.induction, .duplicateToken, .previousToken].map { kind in
            (kind, attention(head, relation(of: kind)), onPrompts.uniform[relation(of: kind)]!)
        }
    }

    private func relation(of kind: HeadClassification.Kind) -> TaskAttention.Relation {
        switch kind {
        case .induction: .induction
        case .duplicateToken: .duplicate
        default: .previous
        }
    }

    private func attention(_ head: Head, _ relation: TaskAttention.Relation) -> Double {
        profile.attention?.heads[relation]![head].value ?? 0
    }

    /// Whether attention along some relations together clearly exceeds uniform attention.
    private func isClear(_ attention: Double, _ relations: [TaskAttention.Relation]) -> Bool {
        let uniform = relations.reduce(0) { $0 + profile.attention!.uniform[$1]! }
        return (attention - uniform) / (1 - uniform) >= criteria.attention
    }
}

extension Estimate {
    /// Whether the value has the given sign, is at least `threshold` in size, and has an interval that excludes zero.
    fileprivate func reaches(_ threshold: Double, sign: Double) -> Bool {
        guard let value, let recordedBounds else { return false }
        return sign * value >= threshold && recordedBounds.allSatisfy { sign * $0 > 0 }
    }
}

extension HeadClassification.Evidence: FieldCoded {
    init() {}

    static var fields: [Field<HeadClassification.Evidence>] { [.value("name", \.name), .inline(\.estimate)] }
}

/// Thresholds for ``HeadClassification``. (The literature identifies heads by inspection; these values are this
/// project's choice.)
public struct HeadCriteria: Codable, Equatable, Sendable {
    /// The least absolute direct attribution of a mover, in percent of the mean logit difference.
    public var attribution = 2.0
    /// The least copying score of a mover. Either this or `correlation` suffices.
    public var copying = 0.5
    /// The least absolute correlation of a mover's attention to names with its projections onto them. Either this or
    /// `copying` suffices.
    public var correlation = 0.3
    /// The least mean attention a relative to uniform attention u: (a − u) / (1 − u).
    public var attention = 0.3
    /// The least fall of the logit difference, in percent, when an S-inhibition head's z at END comes from a prompt
    /// whose S2 is IO.
    public var inhibition = 2.0
    /// The least fall, in percent of the model's logit difference, when the path from a backup name mover to the logits
    /// is patched with the name movers knocked out.
    public var backup = 2.0

    public init() {}

    /// - Throws: `IOIError` for a negative threshold.
    func validate() throws {
        for (name, share) in [("copying", copying), ("correlation", correlation), ("attention", attention)] {
            try IOIError.check(name, share, in: 0...1)
        }
        for (name, percentage) in [("attribution", attribution), ("inhibition", inhibition), ("backup", backup)] {
            try IOIError.check(name, percentage, in: 0...1000)
        }
    }
}
