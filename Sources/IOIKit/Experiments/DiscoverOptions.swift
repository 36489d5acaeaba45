/// What decides the results of `ioi circuit discover` beside the model.
public struct DiscoverOptions: Codable, Equatable, Sendable {
    /// How circuits are found.
    public enum Method: Codable, Equatable, Sendable {
        case path(PathWalk)
        case attribution(Attribution)
        case acdc(threshold: Double, metric: ACDC.Metric)
    }

    /// Circuits of the edges with the best scores.
    public struct Attribution: Codable, Equatable, Sendable {
        /// Of EAP-IG; nil for EAP.
        public var steps: Int?
        /// How many edges a circuit has, before those that dangle are removed.
        public var edges = 200
        /// Whether edges that lower the logit difference count for as much as those that raise it.
        public var isAbsolute = true
        /// How many resamples of the prompts its stability is judged by; 0 for none.
        public var resamples = 20
        /// Whether CPR and CMD are measured.
        public var curve = false

        public init() {}
    }

    public var prompts: PromptSource
    public var method: Method
    /// What dropped edges give.
    public var ablation = Ablation(.counterfactual)

    public init(prompts: PromptSource, method: Method) {
        self.prompts = prompts
        self.method = method
    }
}
