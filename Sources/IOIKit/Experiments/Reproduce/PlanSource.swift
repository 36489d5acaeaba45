/// A model of a plan, which may still have to be trained.
struct PlanSource {
    /// A hash of what decides it.
    let hash: String
    /// Finds it; an error if it is not there.
    let locate: () throws -> ModelLocation
}
