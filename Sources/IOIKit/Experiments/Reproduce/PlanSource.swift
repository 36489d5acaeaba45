/// A model of a plan, which may still have to be trained.
struct PlanSource {
    /// A hash of what decides it.
    let hash: String
    /// SHA-256 that its weights should have; nil if that is unknown.
    let sha256: () throws -> String?
    /// Finds it; an error if it is not there.
    let locate: () throws -> ModelLocation

    /// - Throws: `IOIError` if it is not there, or its weights are not those that were saved or measured before.
    func load(workers: Workers) throws -> GPT2 {
        let model = try GPT2(locate(), workers: workers)
        guard let expected = try sha256(), try model.sha256() != expected else { return model }
        throw Checkpoint.isAnother(model.location.weightsFile)
    }
}
