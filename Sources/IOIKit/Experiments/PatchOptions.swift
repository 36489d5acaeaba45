/// What decides the results of `ioi patch` beside the models.
public struct PatchOptions: Codable, Equatable, Sendable {
    public struct Activation: Codable, Equatable, Sendable {
        public var site: Site
        public var positions: [PositionSelection]
        public var denoise: Bool

        public init(site: Site, positions: [PositionSelection], denoise: Bool) {
            self.site = site
            self.positions = positions
            self.denoise = denoise
        }
    }

    public struct Path: Codable, Equatable, Sendable {
        public enum Sender: String, CaseIterable, Codable, Sendable {
            case heads, mlps
        }

        public enum Passage: String, CaseIterable, Codable, Sendable {
            case recompute, freeze
        }

        public var sender: Sender
        /// As `Receiver` writes them.
        public var receivers: [String]
        public var mlps: Passage
        public var layerNorms: Passage
        /// Heads with their positions, knocked out in every run.
        public var knockout: [String]
        public var ablation: Ablation

        public init(
            sender: Sender,
            receivers: [Receiver],
            mlps: Passage,
            layerNorms: Passage,
            knockout: [String],
            ablation: Ablation
        ) {
            self.sender = sender
            self.receivers = receivers.map(\.description)
            self.mlps = mlps
            self.layerNorms = layerNorms
            self.knockout = knockout
            self.ablation = ablation
        }

        enum CodingKeys: String, CodingKey {
            case sender, receivers
            case mlps = "path_mlp"
            case layerNorms = "path_ln"
            case knockout, ablation
        }
    }

    public struct CrossModel: Codable, Equatable, Sendable {
        public enum Direction: String, CaseIterable, Codable, Sendable {
            case donorToHost = "donor-to-host"
            case hostToDonor = "host-to-donor"
        }

        public var components: [Site]
        public var position: PositionSelection
        public var directions: [Direction]
        /// `default` or a file; nil for none.
        public var circuit: String?
        /// How many random sets of heads the circuit is compared with.
        public var randomSets: Int

        public init(
            components: [Site],
            position: PositionSelection,
            directions: [Direction],
            circuit: String?,
            randomSets: Int
        ) {
            self.components = components
            self.position = position
            self.directions = directions
            self.circuit = circuit
            self.randomSets = randomSets
        }

        enum CodingKeys: String, CodingKey {
            case components, position, directions, circuit
            case randomSets = "random_sets"
        }
    }

    /// One of the three.
    public enum Mode: Equatable, Sendable {
        case activation(Activation)
        case path(Path)
        case crossModel(CrossModel)
    }

    public var mode: Mode
    public var prompts: PromptSource
    public var aggregation: EffectAggregation

    public init(mode: Mode, prompts: PromptSource, aggregation: EffectAggregation) {
        self.mode = mode
        self.prompts = prompts
        self.aggregation = aggregation
    }

    enum CodingKeys: String, CodingKey {
        case mode, prompts
        case aggregation = "aggregate"
    }

    enum ModeName: String, Codable {
        case activation, path
        case crossModel = "cross-model"
    }

    // What belongs to the mode stands beside its name.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        prompts = try container.decode(PromptSource.self, forKey: .prompts)
        aggregation = try container.decode(EffectAggregation.self, forKey: .aggregation)
        mode =
            switch try container.decode(ModeName.self, forKey: .mode) {
            case .activation: .activation(try Activation(from: decoder))
            case .path: .path(try Path(from: decoder))
            case .crossModel: .crossModel(try CrossModel(from: decoder))
            }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(prompts, forKey: .prompts)
        try container.encode(aggregation, forKey: .aggregation)
        switch mode {
        case .activation(let options):
            try container.encode(ModeName.activation, forKey: .mode)
            try options.encode(to: encoder)
        case .path(let options):
            try container.encode(ModeName.path, forKey: .mode)
            try options.encode(to: encoder)
        case .crossModel(let options):
            try container.encode(ModeName.crossModel, forKey: .mode)
            try options.encode(to: encoder)
        }
    }
}
