import TestSupport

@testable import GPT2Kit
@testable import IOIKit

/// One site at one token.
struct NaivePlace: Hashable, Sendable {
    var site: Site
    var layer: Int
    /// nil for the sites that no head has.
    var head: Int?
    var position: Int

    init(_ site: Site, layer: Int, head: Int? = nil, position: Int) {
        self.site = site
        self.layer = layer
        self.head = head
        self.position = position
    }
}

struct NaiveScale: Hashable, Sendable {
    var name: LayerNormName
    var position: Int
}

/// A run with every value that it went on with.
struct NaiveRecord: Sendable {
    let run: NaiveRun
    /// The values that the run went on with: the replacing ones where there were any.
    let kept: [NaivePlace: [Double]]
    /// What would have stood where a value was replaced.
    let overwritten: [NaivePlace: [Double]]
    let scales: [NaiveScale: Double]
}

extension NaiveModel {
    /// One whole run with some values, and some of LayerNorm's scales, replaced.
    func record(
        _ tokens: [Int],
        replacing values: [NaivePlace: [Double]] = [:],
        scales: [NaiveScale: Double] = [:]
    ) -> NaiveRecord {
        var (kept, overwritten): ([NaivePlace: [Double]], [NaivePlace: [Double]]) = ([:], [:])
        var keptScales: [NaiveScale: Double] = [:]
        let run = run(tokens) { name, position, scale in
            let place = NaiveScale(name: name, position: position)
            scale = scales[place] ?? scale
            keptScales[place] = scale
        } hook: { site, layer, head, position, current in
            let place = NaivePlace(site, layer: layer, head: head, position: position)
            if let new = values[place] {
                precondition(new.count == current.count)
                overwritten[place] = current
                current = new
            }
            kept[place] = current
        }
        precondition(overwritten.count == values.count, "a replacement that no hook met")
        return NaiveRecord(run: run, kept: kept, overwritten: overwritten, scales: keptScales)
    }
}

// MARK: - Activation patching, and cross-model patching where the donor is another model

/// The metric of a run on `input` with a site's values replaced by those of the donor's run on `donorInput`.
///
/// - Parameter heads: none for the sites that no head has.
func naiveActivation(
    _ model: NaiveModel,
    prompt: Prompt,
    input: [Int],
    donorInput: [Int],
    donor: NaiveModel,
    site: Site,
    layer: Int,
    heads: [Int],
    positions: [Int],
    metric: Metric = .logitDifference
) -> Double {
    let heads = site.isPerHead ? heads.map(Optional.some) : [nil]
    let places = heads.flatMap { head in
        positions.map { NaivePlace(site, layer: layer, head: head, position: $0) }
    }
    return naiveActivation(
        model, prompt: prompt, input: input, donorInput: donorInput, donor: donor, places: places, metric: metric
    )
}

/// The same for any places at once; all their values are those of the donor's run as it is.
func naiveActivation(
    _ model: NaiveModel,
    prompt: Prompt,
    input: [Int],
    donorInput: [Int],
    donor: NaiveModel,
    places: [NaivePlace],
    metric: Metric = .logitDifference
) -> Double {
    let values = donor.record(donorInput).kept
    let replacing = Dictionary(uniqueKeysWithValues: places.map { ($0, values[$0]!) })
    return model.record(input, replacing: replacing).run.value(metric, of: prompt, from: model.run(input))
}

// MARK: - Path patching

enum NaiveSender: Sendable {
    case head(Head)
    case mlp(Int)

    /// Whether the sender's output is what stands at a place.
    func owns(_ place: NaivePlace) -> Bool {
        switch self {
        case .head(let head): place.site == .z && place.layer == head.layer && place.head == head.index
        case .mlp(let layer): place.site == .mlpOut && place.layer == layer
        }
    }
}

enum NaiveReceiver: Sendable {
    /// The final residual stream at END.
    case logits
    /// q, k or v of a head.
    case head(kind: Site, Head, position: Int)
    /// What an MLP reads, by layer.
    case mlp(Int, position: Int)
}

/// The metric without and with the senders' outputs on the counterfactual reaching the receivers.
///
/// - Parameter knockedOut: z of heads and outputs of MLPs, replaced in all four passes and in the original.
func naivePath(
    _ model: NaiveModel,
    _ prompt: Prompt,
    senders: [NaiveSender],
    receivers: [NaiveReceiver],
    freezeMLP: Bool = false,
    freezeLayerNorm: Bool = false,
    knockedOut: [NaivePlace: [Double]] = [:],
    metric: Metric = .logitDifference
) -> (original: Double, patched: Double) {
    let a = model.record(prompt.abcTokens!, replacing: knockedOut)
    let b = model.record(prompt.tokens, replacing: knockedOut)

    let heldSites: Set<Site> = freezeMLP ? [.q, .k, .v, .mlpOut] : [.q, .k, .v]
    let held = b.kept.filter { heldSites.contains($0.key.site) }
    let sent = a.kept.filter { entry in senders.contains { $0.owns(entry.key) } }
    let c = model.record(
        prompt.tokens, replacing: held.replaced(by: knockedOut).replaced(by: sent),
        scales: freezeLayerNorm ? b.scales : [:]
    )

    var (received, scales): ([NaivePlace: [Double]], [NaiveScale: Double]) = ([:], [:])
    for receiver in receivers {
        switch receiver {
        case .logits:
            let end = prompt.tokens.count - 1
            let place = NaivePlace(.residPost, layer: model.config.layers - 1, position: end)
            let readOut = NaiveScale(name: .final, position: end)
            received[place] = c.kept[place]!
            if freezeLayerNorm { scales[readOut] = b.scales[readOut]! }
        case .head(let kind, let head, let position):
            let place = NaivePlace.head(head, kind, position: position)
            received[place] = c.overwritten[place]!
        case .mlp(let layer, let position):
            let place = NaivePlace(.mlpOut, layer: layer, position: position)
            received[place] = c.overwritten[place] ?? c.kept[place]!
        }
    }
    let d = model.record(prompt.tokens, replacing: received.replaced(by: knockedOut), scales: scales)
    func value(_ record: NaiveRecord) -> Double { record.run.value(metric, of: prompt, from: b.run) }
    return (value(b), value(d))
}

// MARK: - Knockout

/// Means over the tokens of the prompts' counterfactuals.
struct NaiveMeans: Sendable {
    /// What the tokens whose values are averaged have in common.
    enum Grouping: Sendable {
        /// Template, places of the named positions, and position.
        case template
        /// The name of their position, or that it has none.
        case global
    }

    private enum Group: Hashable {
        case template(String, places: [String: Int], position: Int)
        case named(String?)
    }

    private static let sites: Set<Site> = [.residPre, .z, .result, .mlpOut]

    private let grouping: Grouping
    private let means: [Group: [NaivePlace: [Double]]]

    init(_ model: NaiveModel, prompts: [Prompt], grouping: Grouping) {
        var values: [Group: [NaivePlace: [[Double]]]] = [:]
        for prompt in prompts {
            for (place, value) in model.record(prompt.abcTokens!).kept where Self.sites.contains(place.site) {
                let group = Self.group(of: place.position, in: prompt, grouping)
                values[group, default: [:]][place.anywhere, default: []].append(value)
            }
        }
        self.grouping = grouping
        means = values.mapValues { $0.mapValues(mean) }
    }

    /// The mean that stands in at a place of a prompt.
    ///
    /// - Parameter place: of z, a head's result, the MLP output or the residual stream before a block.
    func values(at place: NaivePlace, of prompt: Prompt) -> [Double] {
        means[Self.group(of: place.position, in: prompt, grouping)]![place.anywhere]!
    }

    private static func group(of position: Int, in prompt: Prompt, _ grouping: Grouping) -> Group {
        switch grouping {
        case .template: .template(prompt.template, places: places(in: prompt), position: position)
        // A token of several names counts for the first of them only.
        case .global: .named(places(in: prompt).filter { $0.value == position }.keys.min())
        }
    }

    private static func places(in prompt: Prompt) -> [String: Int] {
        let names = prompt.positions.names
        return Dictionary(uniqueKeysWithValues: names.map { ($0.text, prompt.positions[$0]!) })
    }
}

enum NaiveKnockout: Sendable {
    case zero
    /// The value on the counterfactual.
    case counterfactual
    case mean(NaiveMeans)
    /// The value on another input, one for each prompt.
    case resample([[Int]])
}

/// What stands in at some places of `prompts[index]` where they are knocked out.
func naiveAblation(
    _ model: NaiveModel,
    prompts: [Prompt],
    index: Int,
    places: [NaivePlace],
    kind: NaiveKnockout
) -> [NaivePlace: [Double]] {
    let prompt = prompts[index]
    let donorInput = if case .resample(let inputs) = kind { inputs[index] } else { prompt.abcTokens! }
    let donor = model.record(donorInput).kept
    let values = places.map { place in
        switch kind {
        case .zero: donor[place]!.map { _ in 0.0 }
        case .counterfactual, .resample: donor[place]!
        case .mean(let means): means.values(at: place, of: prompt)
        }
    }
    return Dictionary(uniqueKeysWithValues: zip(places, values))
}

/// The metric of `prompts[index]` with z of heads, and outputs of MLPs, replaced.
func naiveKnockout(
    _ model: NaiveModel,
    prompts: [Prompt],
    index: Int,
    heads: [(Head, positions: [Int])],
    mlps: [(layer: Int, positions: [Int])] = [],
    kind: NaiveKnockout,
    metric: Metric = .logitDifference
) -> Double {
    let prompt = prompts[index]
    let places =
        heads.flatMap { head, positions in positions.map { NaivePlace.head(head, .z, position: $0) } }
        + mlps.flatMap { layer, positions in positions.map { NaivePlace(.mlpOut, layer: layer, position: $0) } }
    let replacing = naiveAblation(model, prompts: prompts, index: index, places: places, kind: kind)
    return model.record(prompt.tokens, replacing: replacing).run.value(
        metric, of: prompt, from: model.run(prompt.tokens))
}

// MARK: - Helpers

extension NaivePlace {
    static func head(_ head: Head, _ site: Site, position: Int) -> NaivePlace {
        NaivePlace(site, layer: head.layer, head: head.index, position: position)
    }

    /// The same site without its position.
    fileprivate var anywhere: NaivePlace { NaivePlace(site, layer: layer, head: head, position: 0) }
}

extension [NaivePlace: [Double]] {
    fileprivate func replaced(by others: Self) -> Self { merging(others) { $1 } }
}

private func mean(_ rows: [[Double]]) -> [Double] {
    rows[0].indices.map { column in rows.reduce(0) { $0 + $1[column] } / Double(rows.count) }
}
