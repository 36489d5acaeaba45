/// The colours of a plan's stages, the same in all charts and tables of a page. A stage that continues another has its
/// colour; it is drawn hollow and dashed.
struct StagePalette {
    private let roots: [String]
    private let stages: [Plan.Stage]

    /// - Parameter stages: those that train a model.
    init(_ stages: [Plan.Stage]) {
        self.stages = stages
        roots = stages.filter { $0.from?.stage == nil }.map(\.name)
    }

    /// The index of a stage's colour among ``LineChart/colours``.
    func colour(of stage: String) -> Int {
        var name = stage
        // Plans are checked to have no circles.
        while let from = stages.first(where: { $0.name == name })?.from?.stage { name = from }
        return roots.firstIndex(of: name) ?? 0
    }

    func isContinued(_ stage: String) -> Bool { stages.first { $0.name == stage }?.from?.stage != nil }

    /// A dot in the colour of a model's stage.
    func mark(_ model: PlanModel) -> String {
        guard let stage = model.stage else { return "<i class=\"dot base\"></i>" }
        return
            "<i class=\"dot c\(colour(of: stage) % LineChart.colours.count)\(isContinued(stage) ? " hollow" : "")\"></i>"
    }

    /// A model's name after its dot.
    func name(_ model: PlanModel) -> String { mark(model) + model.description.xml }
}
