/// What a search for a circuit came to. A corrupted model may have none, which is a result as well.
enum FoundCircuit: Encodable {
    case found(DiscoverResults)
    /// Why there is none.
    case none(String)

    /// - Throws: what `search` throws, but for an `IOIError`, which says why there is none.
    init(_ search: () throws -> DiscoverResults) throws {
        do {
            self = .found(try search())
        } catch let error as IOIError {
            self = .none(error.description)
        }
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .found(let results): try results.encode(to: encoder)
        case .none(let problem): try ["problem": problem].encode(to: encoder)
        }
    }
}
