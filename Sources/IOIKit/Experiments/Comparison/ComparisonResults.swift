/// What several models measure, and how they differ from the first.
public struct ComparisonResults: Codable, Equatable, Sendable {
    /// How p-values were computed.
    public struct Test: Codable, Equatable, Sendable {
        /// The name of the test.
        public let name: String
        /// The name of the correction.
        public let correction: String
        /// The exchanges that were tried for a p-value.
        public let permutations: Int
        /// Whether these are all there are.
        public let isExact: Bool
        /// The comparisons that were corrected together.
        public let family: Int

        enum CodingKeys: String, CodingKey {
            case name, correction, permutations
            case isExact = "exact"
            case family
        }

        init(_ permutation: PairedPermutation, family: Int) {
            (name, correction) = ("paired permutation", "holm")
            (permutations, isExact) = (permutation.count, permutation.isExact)
            self.family = family
        }
    }

    /// A figure of one model.
    public struct Row: Equatable, Sendable {
        public fileprivate(set) var model = ""
        public fileprivate(set) var estimate = Estimate()
        /// The model's figure less the first model's; nil for the first.
        public fileprivate(set) var change: Estimate?
        /// Of the change; nil for the first model.
        public fileprivate(set) var p: Double?
        /// The same after Holm's correction.
        public fileprivate(set) var holm: Double?
        /// A caveat on a ratio.
        public fileprivate(set) var note: RatioNote?

        init() {}
    }

    /// One figure of all models.
    public struct Figure: Codable, Equatable, Sendable {
        public let name: String
        /// In the order of the models.
        public let models: [Row]
    }

    /// The figures of a measure.
    public struct Figures: Codable, Equatable, Sendable {
        public let test: Test
        public let figures: [Figure]
    }

    /// What the heads of a model write directly for the answer.
    public struct HeadsRow: Codable, Equatable, Sendable {
        public let model: String
        /// The direct logit attribution.
        public let attribution: HeadMap
        /// Less the first model's; nil for the first, like the following.
        public let change: HeadMap?
        /// [layer][head]
        public let p: [[Double]]?
        /// The same after Holm's correction over all heads and models.
        public let holm: [[Double]]?
        /// The heads whose class is another than in the first model.
        public let transitions: [HeadComparison.Transition]?

        enum CodingKeys: String, CodingKey {
            case model, attribution, change, p
            case holm = "p_holm"
            case transitions
        }

        /// The heads whose change is significant at 5 %.
        public var significant: [Head] {
            (holm ?? []).enumerated().flatMap { layer, row in
                row.enumerated().filter { $1 < 0.05 }.map { Head(layer, $0.offset) }
            }
        }
    }

    /// The heads of all models.
    public struct Heads: Codable, Equatable, Sendable {
        public let test: Test
        public let models: [HeadsRow]
        /// Classes that were not looked for.
        public let unsettled: [HeadClassification.Kind]
    }

    /// How far a model's attention from END is from the first model's.
    public struct PatternsRow: Codable, Equatable, Sendable {
        public let model: String
        /// The mean over heads.
        public let mean: Estimate
        /// The mean total variation distance of each head.
        public let distance: HeadMap
    }

    /// The models, the first of which the others are compared with.
    public let models: [ModelRecord]
    /// nil unless measured, like the following.
    public let evaluation: Figures?
    public let faithfulness: Figures?
    public let heads: Heads?
    /// Without the first model, whose distance is 0.
    public let patterns: [PatternsRow]?

    enum CodingKeys: String, CodingKey {
        case models
        case evaluation = "eval"
        case faithfulness, heads, patterns
    }
}

extension ComparisonResults {
    init(
        _ comparison: Comparison,
        labels: [String],
        records: [ModelRecord],
        _ observed: [Comparison.Observation],
        config: GPT2Config,
        workers: Workers
    ) {
        let (seed, measures) = (comparison.prompts.seed, Set(comparison.measures))
        let statistics = ComparisonStatistics(labels: labels, seed: seed, workers: workers)
        models = records
        evaluation = measures.contains(.evaluation) ? statistics.evaluation(observed.map(\.evaluation)) : nil
        faithfulness =
            measures.contains(.faithfulness) ? statistics.faithfulness(observed.map { ($0.model, $0.circuit) }) : nil
        heads = measures.contains(.heads) ? statistics.heads(observed.map { $0.heads! }, config) : nil
        patterns = measures.contains(.patterns) ? statistics.patterns(observed.map { $0.patterns! }, config) : nil
    }
}

/// Estimates and tests of what several models measured on the same prompts.
private struct ComparisonStatistics {
    let labels: [String]
    let seed: UInt64
    let workers: Workers

    /// The figures of each model's prompts, compared with the first model's.
    func evaluation(_ observed: [[(name: String, values: [Double])]]) -> ComparisonResults.Figures {
        let names = observed[0].map(\.name)
        let columns = observed.map { $0.map(\.values) }
        return figures(
            names, columns,
            value: { model, figure in self.mean(columns[model][figure]) },
            change: { model, figure in
                self.mean(zip(columns[model][figure], columns[0][figure]).map { $0 - $1 })
            }
        ) { $2[$0] - $1[$0] }
    }

    /// F(M), F(C) and F(C) / F(M).
    func faithfulness(_ observed: [(model: [Double], circuit: [Double])]) -> ComparisonResults.Figures {
        // Exchanged as they are, prompts of a model with larger logits would outweigh the others in a ratio, and the models
        // would differ in more than their ratios. So those of the ratio are parts of each model's mean.
        let columns = observed.map { model, circuit in
            [model, circuit] + [model, circuit].map { values in values.map { $0 / model.mean } }
        }
        let all = observed.map {
            Faithfulness(model: $0.model, circuit: $0.circuit, seed: seed, workers: workers)
        }
        let parts: [KeyPath<Faithfulness, Estimate>] = [\.model, \.circuit, \.ratio]
        let isSingle = columns[0][0].count == 1
        var figures = figures(
            ["model", "circuit", "ratio"], columns,
            value: { model, figure in
                let estimate = all[model][keyPath: parts[figure]]
                return Estimate(value: estimate.value, ci95: isSingle ? nil : estimate.ci95)
            },
            change: { model, figure in
                guard figure == 2 else {
                    return self.mean(zip(columns[model][figure], columns[0][figure]).map { $0 - $1 })
                }
                let sums = ResampledSums(
                    Array(columns[0][..<2] + columns[model][..<2]), seed: self.seed, workers: self.workers)
                let estimate = sums.estimate { $0[3] / $0[2] - $0[1] / $0[0] }
                return Estimate(value: estimate.value, ci95: isSingle ? nil : estimate.ci95)
            }
        ) { index, a, b in index == 2 ? b[3] / b[2] - a[3] / a[2] : b[index] - a[index] }
        let ratio = figures.figures[2]
        let rows = zip(ratio.models, all).map { row, faithfulness in
            var row = row
            row.note = faithfulness.note
            return row
        }
        figures = .init(
            test: figures.test, figures: figures.figures.dropLast() + [.init(name: ratio.name, models: rows)])
        return figures
    }

    /// - Parameters:
    ///   - names: of the figures.
    ///   - columns: what they are made of. [models][columns][prompts]
    ///   - value: a model's figure.
    ///   - change: a model's figure less the first one's.
    ///   - statistic: the change by the sums of the columns.
    private func figures(
        _ names: [String],
        _ columns: [[[Double]]],
        value: (Int, Int) -> Estimate,
        change: (Int, Int) -> Estimate,
        statistic: @Sendable (Int, [Double], [Double]) -> Double
    ) -> ComparisonResults.Figures {
        let family = names.count * (labels.count - 1)
        let test = PairedPermutation(prompts: columns[0][0].count, family: family, seed: seed)
        let pValues = columns.dropFirst().map {
            test.pValues(columns[0], $0, statistics: names.count, workers: workers, statistic: statistic)
        }
        let adjusted = Holm.adjusted(pValues.flatMap { $0 }).rows(of: names.count)
        return .init(
            test: .init(test, family: family),
            figures: names.enumerated().map { figure, name in
                .init(
                    name: name,
                    models: labels.enumerated().map { model, label in
                        var row = ComparisonResults.Row()
                        (row.model, row.estimate) = (label, value(model, figure))
                        guard model > 0 else { return row }
                        row.change = change(model, figure)
                        (row.p, row.holm) = (pValues[model - 1][figure], adjusted[model - 1][figure])
                        return row
                    }
                )
            }
        )
    }

    func heads(_ observed: [HeadsExperiment.Observation], _ config: GPT2Config) -> ComparisonResults.Heads {
        let columns = observed.map(\.attributions)
        let family = config.layers * config.heads * (labels.count - 1)
        let test = PairedPermutation(prompts: columns[0][0].count, family: family, seed: seed)
        let pValues = columns.dropFirst().map { test.pValues(ofMeans: columns[0], $0, workers: workers) }
        let adjusted = Holm.adjusted(pValues.flatMap { $0 }).rows(of: config.layers * config.heads)
        func map(_ columns: [[Double]]) -> HeadMap {
            .init(means: columns, heads: config.heads, seed: seed, workers: workers)
        }
        let classes = observed.map { $0.profile.classification! }
        let rows = labels.enumerated().map { model, label in
            let isFirst = model == 0
            return ComparisonResults.HeadsRow(
                model: label, attribution: map(columns[model]),
                change: isFirst ? nil : map(zip(columns[model], columns[0]).map { zip($0, $1).map { $0 - $1 } }),
                p: isFirst ? nil : pValues[model - 1].rows(of: config.heads),
                holm: isFirst ? nil : adjusted[model - 1].rows(of: config.heads),
                transitions: isFirst ? nil : HeadComparison.transitions(from: classes[0], to: classes[model])
            )
        }
        let unsettled = HeadClassification.Kind.allCases.filter { kind in
            classes.contains { $0.unsettled.contains(kind) }
        }
        return .init(test: .init(test, family: family), models: rows, unsettled: unsettled)
    }

    func patterns(_ observed: [EndPatterns], _ config: GPT2Config) -> [ComparisonResults.PatternsRow] {
        zip(labels, observed).dropFirst().map { label, patterns in
            let distances = patterns.distances(from: observed[0])
            let means = distances[0].indices.map { prompt in distances.map { $0[prompt] }.mean }
            return .init(
                model: label, mean: mean(means),
                distance: HeadMap(means: distances, heads: config.heads, seed: seed, workers: workers)
            )
        }
    }

    /// The mean over prompts, with its interval if there are several.
    private func mean(_ values: [Double]) -> Estimate {
        guard values.count > 1 else { return Estimate(value: values.mean) }
        let mean = Estimate(meanOf: values, seed: seed)
        return Estimate(value: mean.value, ci95: mean.ci95)
    }
}

extension ComparisonResults.Row: FieldCoded {
    static var fields: [Field<ComparisonResults.Row>] {
        [
            .value("model", \.model), .estimate("value", interval: "ci95", \.estimate),
            .nullableEstimate("change", \.change), .nullable("p", \.p), .nullable("p_holm", \.holm),
            .optional("ratio_note", \.note),
        ]
    }
}
