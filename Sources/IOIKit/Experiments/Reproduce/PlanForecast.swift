import Foundation

/// The pieces of work of a plan, and how long each will take on this machine.
public struct PlanForecast: Codable, Sendable {
    public struct Piece: Codable, Equatable, Sendable {
        public let stage: String
        /// What is done, such as `eval of clean@1`.
        public let title: String
        /// The steps of a training run; nil for a measurement.
        public let steps: Int?
        public let seconds: Double
        /// Whether its results are there.
        public let isDone: Bool

        enum CodingKeys: String, CodingKey {
            case stage
            case title = "piece"
            case steps, seconds
            case isDone = "done"
        }
    }

    public let plan: String
    public let model: ModelRecord
    public let environment: EnvironmentRecord
    public let pieces: [Piece]

    /// Times a few steps of each kind of training and a few prompts of each kind of measurement. Nothing is written in the
    /// folder.
    ///
    /// - Parameters:
    ///   - plan: the plan.
    ///   - folder: the folder of the run, which may hold results.
    ///   - model: the model to measure.
    ///   - names: as for ``Reproduction``.
    ///   - settings: threads and memory.
    ///   - observe: called with what is timed next.
    /// - Throws: `IOIError`, as ``Reproduction`` does before its work.
    public init(
        _ plan: Plan,
        in folder: URL,
        model: GPT2,
        stages names: [String]? = nil,
        settings: RunSettings,
        observe: @escaping (String) -> Void = { _ in }
    ) throws {
        let work = try PlanWork(plan, in: folder, model: model, stages: names, settings: settings)
        try work.checkTraining()
        let timings = PlanTimings(work.measuring, settings: settings, observe: observe)
        self.plan = plan.name
        self.model = try ModelRecord(model)
        environment = EnvironmentRecord(workers: settings.workers)
        pieces = try work.pieces.map { piece in
            let (steps, seconds): (Int?, Double) =
                switch piece.kind {
                case .training(let training): try timings.time(training)
                case .measurement(let measure, _, _): (nil, try timings.seconds(of: measure))
                }
            return Piece(
                stage: piece.stage, title: piece.title, steps: steps, seconds: seconds, isDone: work.isDone(piece)
            )
        }
    }

    /// Of all pieces.
    public var seconds: Double { pieces.reduce(0) { $0 + $1.seconds } }
    /// Of those whose results are not there.
    public var secondsLeft: Double { pieces.reduce(0) { $0 + ($1.isDone ? 0 : $1.seconds) } }
}
