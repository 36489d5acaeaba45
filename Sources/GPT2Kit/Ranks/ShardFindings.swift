import Foundation
import Synchronization

/// What one shard of a command finds: what it would give the other ranks, in order.
public final class ShardFindings: Codable, Sendable {
    private let values: Mutex<[Data]>

    public init() { values = Mutex([]) }

    public init(from decoder: any Decoder) throws {
        values = Mutex(try decoder.singleValueContainer().decode([Data].self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(values.withLock { $0 })
    }

    func append(_ value: Data) { values.withLock { $0.append(value) } }

    subscript(index: Int) -> Data? { values.withLock { $0.indices.contains(index) ? $0[index] : nil } }
}

/// The findings of all shards of a command, read in the order in which each was made.
final class ShardReader: Sendable {
    private let shards: [ShardFindings]
    private let place = Mutex(0)

    init(_ shards: [ShardFindings]) { self.shards = shards }

    /// What each shard gave next.
    ///
    /// - Throws: `IOIError` if a shard has no more.
    func next() throws -> [Data] {
        let place = place.withLock { place in
            defer { place += 1 }
            return place
        }
        return try shards.enumerated().map { index, findings in
            guard let value = findings[place] else { throw Self.foreign(index) }
            return value
        }
    }

    static func foreign(_ index: Int) -> IOIError {
        IOIError("shard \(index + 1): holds other findings than this program makes; made by another version?")
    }
}
