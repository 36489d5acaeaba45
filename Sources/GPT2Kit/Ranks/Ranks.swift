import Foundation

/// The processes that share the work of one command. All of them run the same code and take the same decisions; what
/// they divide among them they give each other at once, so that each has all of it.
///
/// A command of one process is rank 0 of one. Several are started by `mpirun` or `srun`, and speak through MPI. Shards are
/// ranks that run one after another or apart: each keeps what it finds, and the others' parts are put together later.
public struct Ranks: Sendable {
    /// From 0.
    public let rank: Int
    public let count: Int
    /// How many of them are on this machine.
    public let onNode: Int
    private let exchange: Exchange

    /// How ranks give each other what they find.
    private enum Exchange: Sendable {
        case processes
        case shard(ShardFindings)
        case merge(ShardReader)
    }

    /// One process that does everything.
    public static let alone = Ranks(rank: 0, count: 1)

    package init(rank: Int, count: Int, onNode: Int = 1) {
        self.init(rank: rank, count: count, onNode: onNode, exchange: .processes)
    }

    private init(rank: Int, count: Int, onNode: Int, exchange: Exchange) {
        (self.rank, self.count, self.onNode, self.exchange) = (rank, count, onNode, exchange)
    }

    /// A process that does the part of one rank. In place of what the others would find it goes on with its own, so what
    /// follows from that is of no use.
    ///
    /// - Parameters:
    ///   - shard: from 0.
    ///   - count: the number of shards.
    ///   - findings: get what this shard finds.
    public static func shard(_ shard: Int, of count: Int, keeping findings: ShardFindings) -> Ranks {
        Ranks(rank: shard, count: count, onNode: 1, exchange: .shard(findings))
    }

    /// A process that takes what all shards found, in place of finding it.
    public static func merging(_ shards: [ShardFindings]) -> Ranks {
        Ranks(rank: 0, count: shards.count, onNode: 1, exchange: .merge(ShardReader(shards)))
    }

    /// Whether this is one of several processes that run at the same time.
    package var areTogether: Bool {
        if case .processes = exchange { count > 1 } else { false }
    }

    /// Whether the other ranks' parts are missing.
    package var isShard: Bool {
        if case .shard = exchange { true } else { false }
    }

    /// Whether the ranks do not run together: this is a shard, or puts shards together.
    package var isApart: Bool { isShard || isMerging }

    /// Whether what the ranks divide is found by none now.
    package var isMerging: Bool {
        if case .merge = exchange { true } else { false }
    }

    /// The threads for each rank: one for each core that it may run on, divided among the ranks of this machine.
    public var threads: Int {
        let bound = ProcessInfo.processInfo.activeProcessorCount
        return max(1, min(bound, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / onNode))
    }

    /// Whether this process writes files and speaks. Of several that run together, rank 0 alone does.
    public var isFirst: Bool { rank == 0 || !areTogether }

    /// This rank's part of `0 ..< items`.
    package func part(of items: Int) -> Range<Int> { part(of: items, rank: rank) }

    package func part(of items: Int, rank: Int) -> Range<Int> {
        items * rank / count..<items * (rank + 1) / count
    }

    // MARK: Values

    /// What `body` returns on each rank, by rank. In a shard, all of it is this rank's.
    ///
    /// - Throws: on all ranks, the error of the first rank that threw one.
    package func gather<Value: Codable>(_ body: () throws -> Value) throws -> [Value] {
        guard count > 1 else { return [try body()] }
        switch exchange {
        case .processes:
            let own = Self.encode(Outcome(body))
            return try give(own).map { try Self.decode(Outcome<Value>.self, from: $0)!.value() }
        case .shard(let findings):
            let own = try body()
            findings.append(Self.encode(Kept(value: own)))
            return Array(repeating: own, count: count)
        case .merge(let reader):
            return try reader.next().enumerated().map { index, data in
                guard let kept = Self.decode(Kept<Value>.self, from: data) else { throw ShardReader.foreign(index) }
                return kept.value
            }
        }
    }

    /// The columns of all ranks, each column's parts one after another. The ranks have as many columns, of any length.
    package func join(_ columns: () throws -> [[Double]]) throws -> [[Double]] {
        guard count > 1 else { return try columns() }
        let parts = try gather { Columns(try columns()) }.map(\.columns)
        return parts[0].indices.map { column in parts.flatMap { $0[column] } }
    }

    /// Columns of numbers, as bytes.
    private struct Columns: Codable {
        private let sizes: [Int]
        private let numbers: Data

        init(_ columns: [[Double]]) {
            sizes = columns.map(\.count)
            numbers = Array(columns.joined()).withUnsafeBytes { Data($0) }
        }

        var columns: [[Double]] {
            let all = numbers.withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
            var rest = all[...]
            return sizes.map { size in
                defer { rest = rest.dropFirst(size) }
                return Array(rest.prefix(size))
            }
        }
    }

    private struct Kept<Value: Codable>: Codable {
        let value: Value
    }

    /// What `body` returns on rank 0, which alone runs it.
    ///
    /// - Throws: on all ranks, what it throws.
    package func onFirst<Value: Codable>(_ body: () throws -> Value) throws -> Value {
        guard areTogether else { return try body() }
        var data = Data()
        if isFirst { data = Self.encode(Outcome(body)) }
        broadcast(&data, from: 0)
        return try Self.decode(Outcome<Value>.self, from: data)!.value()
    }

    /// The same for work without a value.
    package func onFirst(_ body: () throws -> Void) throws {
        _ = try onFirst { () -> Bool in
            try body()
            return true
        }
    }

    /// Whether `flag` is true on any rank.
    package func any(_ flag: Bool) -> Bool { sum(flag ? 1 : 0) > 0 }

    /// The value or the error of one rank.
    private struct Outcome<Value: Codable>: Codable {
        private var result: Value?
        private var failure: Failure?

        private struct Failure: Codable {
            let field: String?
            let problem: String
            let isUsage: Bool
        }

        init(_ body: () throws -> Value) {
            do {
                result = try body()
            } catch let error as IOIError {
                failure = Failure(field: error.field, problem: error.problem, isUsage: error.kind == .usage)
            } catch {
                failure = Failure(field: nil, problem: "\(error)", isUsage: false)
            }
        }

        func value() throws -> Value {
            if let result { return result }
            let failure = failure!
            guard let field = failure.field else {
                throw IOIError(failure.problem, kind: failure.isUsage ? .usage : .failure)
            }
            throw IOIError.invalid(field, failure.problem)
        }
    }

    /// What each process gives.
    private func give(_ own: Data) -> [Data] {
        gather(own.count).enumerated().map { rank, size in
            var data = rank == self.rank ? own : Data(count: size)
            broadcastBytes(&data, from: rank)
            return data
        }
    }

    private func broadcast(_ data: inout Data, from rank: Int) {
        let size = gather(data.count)[rank]
        if rank != self.rank { data = Data(count: size) }
        broadcastBytes(&data, from: rank)
    }

    private func broadcastBytes(_ data: inout Data, from rank: Int) {
        data.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            broadcast(base, count: bytes.count, from: rank)
        }
    }

    // Numbers in property lists are exact, and need not be finite.

    private static func encode(_ value: some Encodable) -> Data {
        let encoder = PropertyListEncoder()
        encoder.outputFormat = .binary
        guard let data = try? encoder.encode(value) else { preconditionFailure("a value that has no property list") }
        return data
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) -> Value? {
        try? PropertyListDecoder().decode(type, from: data)
    }
}
