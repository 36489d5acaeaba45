import ArgumentParser
import IOIKit

// The library's choices as values of flags. Help lists them, completion offers them, errors name the nearest.

extension CircuitMethod.Granularity: ExpressibleByArgument {}
extension Completeness.Kind: ExpressibleByArgument {}
extension Completeness.Objective: ExpressibleByArgument {
    public static var allValueDescriptions: [String: String] {
        [
            "change": "|F(C∖(K∪{v})) − F(C∖K)| of the added head v (Wang et al., appendix M).",
            "gap": "|F(C∖K) − F(M∖K)|, as in their code; a head is added only if the score rises.",
        ]
    }
}
extension EffectAggregation: ExpressibleByArgument {}
extension EffectScale: ExpressibleByArgument {
    public static var allValueDescriptions: [String: String] {
        [
            "original": "The unpatched logit difference (LD).",
            "gap": "LD − LD on the counterfactuals, in the model that is patched.",
        ]
    }
}
extension LossSpan: ExpressibleByArgument {}
extension MomentPrecision: ExpressibleByArgument {}
extension Metric: ExpressibleByArgument {
    public init?(argument: String) { self.init(named: argument) }

    public static var allValueDescriptions: [String: String] {
        [
            "logit-difference": "The mean logit of the right answers less that of the wrong ones (LD).",
            "probability-difference": "The probability of all right answers less that of all wrong ones.",
            "log-probability": "The logarithm of the probability of all right answers, in nats.",
            "kl": "The KL divergence from the unpatched run's prediction, in nats.",
        ]
    }
}
extension PatchExperiment.CrossModel.Direction: ExpressibleByArgument {}
extension PatchExperiment.Path.Passage: ExpressibleByArgument {}
extension PatchExperiment.Path.Sender: ExpressibleByArgument {}
extension RateSchedule.Course: ExpressibleByArgument {}
extension TrainingRecipe: ExpressibleByArgument {
    public static var allValueDescriptions: [String: String] {
        [
            "published":
                "The authors' run on text: blocks of 128 tokens, 10 a step, the rate falling to 0, dropout 0.1.",
            "published-sentences": "The same with sentences in place of blocks, each cut after 25 tokens.",
            "plain": "The answers of prompts, 32 a step, at a constant rate, without dropout.",
        ]
    }
}

extension Ablation.Group: ExpressibleByArgument {}
extension Ablation.Kind: ExpressibleByArgument {
    public static var allValueDescriptions: [String: String] {
        [
            "mean": "The mean over the counterfactuals of the prompts.",
            "resample": "The value in the counterfactual of another prompt of the same template and positions.",
            "zero": "The number 0.",
            "counterfactual": "The value in the prompt's own counterfactual.",
            "optimal": "A constant for each head, learned to make the circuit do its best; whole circuits only.",
        ]
    }
}

extension Counterfactual: ExpressibleByArgument {
    public static var allValueDescriptions: [String: String] {
        [
            "distinct": "Three different random names.",
            "wang": "As in the code of Wang et al.; names may collide.",
            "s2-to-io": "S2 becomes IO.",
            "swap-first-clause": "IO and S1 trade places.",
            "random-names": "Both names become other random names.",
        ]
    }
}

extension HeadsExperiment.Analysis: ExpressibleByArgument {
    public static var allValueDescriptions: [String: String] {
        [
            "dla": "What each head, MLP, bias and embedding adds directly to the logit difference at END.",
            "scatter": "Attention from END to a name against what is written along it, with Pearson's ρ.",
            "copying": "How often a name that a head attends to is among the head's five largest logits.",
            "ov": "The eigenvalue score Σλ / Σ|λ| of the OV circuit, and its singular values.",
            "inhibition":
                "The logit difference with z at END from the prompt whose S2 is IO, and from the counterfactual.",
            "repeated": "Attention on repeated random tokens: previous token, duplicate token, induction.",
            "backup": "What heads send to the logits once the name movers are knocked out at END.",
        ]
    }
}

extension Minimality.Sets: ExpressibleByArgument {
    public static var allValueDescriptions: [String: String] {
        [
            "auto": "published for the whole published circuit, class for any other.",
            "published": "Wang et al., appendix K, for their circuit of GPT-2 small and parts of it.",
            "class": "The rest of the head's class.",
            "greedy": "Grown from the circuit's heads to maximise the score.",
        ]
    }
}

extension PositionSelection: ExpressibleByArgument {
    // Which names there are is up to the prompts.
    public static var defaultCompletionKind: CompletionKind { .list(PositionName.ioi.map(\.text) + ["all"]) }
}

extension Site: ExpressibleByArgument {
    /// The names of TransformerLens; the residual stream's may be short.
    public init?(argument: String) {
        let short: [String: Site] = ["resid": .residPre, "attn": .attnOut, "mlp": .mlpOut]
        guard let site = Site(rawValue: argument) ?? short[argument] else { return nil }
        self = site
    }
}

enum BackendChoice: String, CaseIterable, ExpressibleByArgument {
    case auto, openblas, onednn

    var backend: Backend {
        switch self {
        case .auto: .preferred
        case .openblas: .openBLAS
        case .onednn: .oneDNN
        }
    }
}

/// A site that every head has.
struct HeadSite: ExpressibleByArgument {
    let site: Site

    init(_ site: Site) { self.site = site }

    init?(argument: String) {
        guard Self.allValueStrings.contains(argument) else { return nil }
        site = Site(rawValue: argument)!
    }

    var defaultValueDescription: String { site.rawValue }
    static var allValueStrings: [String] { Site.allCases.filter(\.isPerHead).map(\.rawValue) }
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

/// The shape of a published GPT-2.
enum PublishedShape: String, CaseIterable, ExpressibleByArgument {
    case small = "gpt2"
    case medium = "gpt2-medium"
    case large = "gpt2-large"
    case xl = "gpt2-xl"

    var config: GPT2Config {
        switch self {
        case .small: .small
        case .medium: .medium
        case .large: .large
        case .xl: .xl
        }
    }
}

/// Values separated by commas.
struct List<Item: ExpressibleByArgument>: ExpressibleByArgument {
    let items: [Item]

    init(_ items: [Item]) { self.items = items }

    init?(argument: String) {
        let items = argument.commaSeparated.map { Item(argument: $0) }
        guard !items.contains(where: { $0 == nil }) else { return nil }
        self.items = items.compactMap { $0 }
    }

    var defaultValueDescription: String { items.map(\.defaultValueDescription).joined(separator: ",") }
    static var allValueStrings: [String] { Item.allValueStrings }
    static var allValueDescriptions: [String: String] { Item.allValueDescriptions }
    static var defaultCompletionKind: CompletionKind { Item.defaultCompletionKind }
}

/// One of two values, or both.
struct OneOrBoth<Item: ExpressibleByArgument & CaseIterable & Sendable>: ExpressibleByArgument {
    let items: [Item]

    init(_ item: Item) { items = [item] }

    init?(argument: String) {
        guard let items = argument == "both" ? Array(Item.allCases) : Item(argument: argument).map({ [$0] }) else {
            return nil
        }
        self.items = items
    }

    var defaultValueDescription: String { items.count == 1 ? items[0].defaultValueDescription : "both" }
    static var allValueStrings: [String] { Item.allValueStrings + ["both"] }
    static var allValueDescriptions: [String: String] {
        Item.allValueDescriptions.isEmpty ? [:] : Item.allValueDescriptions.merging(["both": "Each of them."]) { $1 }
    }
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

extension TextCoded {
    /// Reads values separated by commas.
    ///
    /// - Throws: `IOIError` of the first one that is malformed.
    static func list(_ text: String) throws -> [Self] {
        try text.commaSeparated.map { part in
            guard let item = Self(part) else {
                throw IOIError.usage("found \(part.quoted), expected \(Self.form)")
            }
            return item
        }
    }
}

extension Selection where Item: TextCoded {
    /// Reads `all` or values separated by commas.
    static func read(_ text: String) throws -> Selection { text == "all" ? .all : .some(try Item.list(text)) }
}

extension String {
    fileprivate var commaSeparated: [String] {
        split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
}
