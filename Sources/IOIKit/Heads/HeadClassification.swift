/// A class for each head, by rules on what was measured of it, with the figures that put it there.
///
/// The first of these whose rule a head meets; effects and attributions are shares of the mean logit difference, count
/// from `HeadCriteria` on, and only where their 95 % interval does not reach zero:
///
/// 1. *name mover*: its direct attribution is positive enough, it attends from END to the names (IO, S1 and S2 together),
///    and it copies: by its copying score, or because on the prompts it writes a name the more, the more it attends to it;
/// 2. *negative name mover*: the same with a negative attribution, and it copies with the sign flipped;
/// 3. *S-inhibition*: it attends from END to S2, more than to IO, and the logit difference falls where its z at END is
///    that of a prompt whose S2 is IO;
/// 4. *backup name mover*: it attends to the names, and with the name movers knocked out, and not before, the logit
///    difference falls where its path to the logits is patched;
/// 5. *induction*, *duplicate token*, *previous token*: what it does most by attention on random repeated tokens, or where
///    it does none of them clearly there, on the prompts. These say nothing of whether the task needs the head.
///
/// Attention counts beyond what a head gives that attends to all that it sees alike. Whatever a head of no class does to
/// the logit difference is its evidence.
public struct HeadClassification: Codable, Equatable, Sendable {
    /// Raw values are the names of classes in circuit files.
    public enum Kind: String, CaseIterable, Codable, Sendable {
        case nameMover = "name mover"
        case negative = "negative name mover"
        case inhibition = "S-inhibition"
        case backup = "backup name mover"
        case induction
        case duplicateToken = "duplicate token"
        case previousToken = "previous token"
        /// None of them.
        case none
    }

    /// A figure that a class rests on.
    public struct Evidence: Equatable, Sendable {
        public enum Name: String, Codable, Sendable {
            /// In percent.
            case attributionShare = "attribution_share"
            case endToIO = "end_to_io"
            case endToS2 = "end_to_s2"
            case copying
            case negativeCopying = "negative_copying"
            /// Of attention to names and what is written of them.
            case correlation = "rho"
            /// In percent, of patching z at END from the prompt whose S2 is IO.
            case s2ToIOEffect = "s2_to_io_effect"
            /// The same from the counterfactual.
            case abcEffect = "abc_effect"
            /// In percent, of patching the path to the logits with the name movers knocked out, and without that.
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
    /// All heads of the model, ascending.
    public let heads: [Classed]
    /// Classes that no head could be put in, because what they rest on was not measured, or because shares of the mean
    /// logit difference mean nothing.
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
        unsettled = Kind.allCases.filter { !rules.canSettle($0) }
    }

    /// The heads of a class, ascending.
    public func heads(of kind: Kind) -> [Head] { heads.filter { $0.kind == kind }.map(\.head) }

    public subscript(head: Head) -> Classed { heads.first { $0.head == head }! }
}

/// The rules by which heads are put in classes.
private struct HeadRules {
    private let profile: HeadProfile
    private let criteria: HeadCriteria
    private let hasShares: Bool

    init(_ profile: HeadProfile, _ criteria: HeadCriteria) {
        self.profile = profile
        self.criteria = criteria
        hasShares = profile.note != .meaningless
    }

    /// Whether what a class rests on was measured and means something.
    func canSettle(_ kind: HeadClassification.Kind) -> Bool {
        switch kind {
        case .nameMover, .negative:
            hasShares && profile.attribution != nil && (profile.copying != nil || profile.scatter != nil)
        case .inhibition: hasShares && profile.inhibition != nil
        case .backup: hasShares && profile.backup != nil
        // Without random tokens there are the prompts.
        case .induction, .duplicateToken, .previousToken, .none: true
        }
    }

    /// What makes a head one of a class; nil where it is none.
    func evidence(of head: Head, for kind: HeadClassification.Kind) -> [HeadClassification.Evidence]? {
        guard canSettle(kind) else { return nil }
        return switch kind {
        case .nameMover: mover(head, sign: 1, .copying, \.copying)
        case .negative: mover(head, sign: -1, .negativeCopying, \.negative)
        case .inhibition: inhibition(head)
        case .backup: backup(head)
        case .induction, .duplicateToken, .previousToken: attention(head, kind)
        case .none: nil
        }
    }

    /// What a head does to the logit difference that would be enough for a class.
    func effects(of head: Head) -> [HeadClassification.Evidence] {
        guard hasShares else { return [] }
        let figures: [(HeadClassification.Evidence.Name, Estimate?, Double)] = [
            (.attributionShare, profile.attribution?.share[head], criteria.attribution),
            (.s2ToIOEffect, profile.inhibition?.flips[.s2ToIO]?.effect[head], criteria.inhibition),
            (.abcEffect, profile.inhibition?.flips[.abc]?.effect[head], criteria.inhibition),
            (.backupEffect, profile.backup?.after[head], criteria.backup),
        ]
        return figures.compactMap { name, figure, threshold in
            guard let figure, figure.reaches(threshold, sign: 1) || figure.reaches(threshold, sign: -1) else {
                return nil
            }
            return .init(name, figure)
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
            .init(.attributionShare, share), .init(.endToIO, profile.attention.heads[.endToIO]![head]),
            .init(.endToS2, profile.attention.heads[.endToS2]![head]),
        ] + [copying.map { .init(name, $0) }, correlation.map { .init(.correlation, $0) }].compactMap { $0 }
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
        return [.init(.endToS2, profile.attention.heads[.endToS2]![head]), .init(.s2ToIOEffect, effect)]
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
            let figure =
                name == .promptAttention
                ? profile.attention.heads[relation(of: kind)]![head]
                : Estimate(value: most.attention, ci95: nil)
            return [.init(name, figure)]
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
        [HeadClassification.Kind.induction, .duplicateToken, .previousToken].map { kind in
            (kind, attention(head, relation(of: kind)), profile.attention.uniform[relation(of: kind)]!)
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
        profile.attention.heads[relation]![head].value ?? 0
    }

    /// Whether attention along some relations together is clearly beyond what uniform attention would be.
    private func isClear(_ attention: Double, _ relations: [TaskAttention.Relation]) -> Bool {
        let uniform = relations.reduce(0) { $0 + profile.attention.uniform[$1]! }
        return (attention - uniform) / (1 - uniform) >= criteria.attention
    }
}

extension Estimate {
    /// Whether a figure of the sign of `sign` is at least `threshold` in size, with an interval that does not reach zero.
    fileprivate func reaches(_ threshold: Double, sign: Double) -> Bool {
        guard let value, let ci95 else { return false }
        return sign * value >= threshold && ci95.allSatisfy { sign * $0 > 0 }
    }
}

extension HeadClassification.Evidence: FieldCoded {
    init() {}

    static var fields: [Field<HeadClassification.Evidence>] { [.value("name", \.name), .inline(\.estimate)] }
}
