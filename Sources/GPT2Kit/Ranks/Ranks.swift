import Foundation

/// The processes that share the work of one command. All of them run the same code and take the same decisions; what
/// they divide among them they give each other at once, so that each has all of it.
///
/// A command of one process is rank 0 of one. Several are started by `mpirun` or `srun`, and speak through MPI.
public struct Ranks: Sendable {
    /// From 0. Rank 0 alone writes files and speaks.
    public let rank: Int
    public let count: Int
    /// How many of them are on this machine.
    public let onNode: Int

    /// One process that does everything.
    public static let alone = Ranks(rank: 0, count: 1)

    package init(rank: Int, count: Int, onNode: Int = 1) {
        (self.rank, self.count, self.onNode) = (rank, count, onNode)
    }

    /// The threads for each rank: one for each core that it may run on, divided among the ranks of this machine.
    public var threads: Int {
        let bound = ProcessInfo.processInfo.activeProcessorCount
        return max(1, min(bound, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / onNode))
    }

    public var isFirst: Bool { rank == 0 }

    /// This rank's part of `0 ..< items`.
    package func part(of items: Int) -> Range<Int> { part(of: items, rank: rank) }

    package func part(of items: Int, rank: Int) -> Range<Int> {
        items * rank / count..<items * (rank + 1) / count
    }

    // MARK: Values

    /// What `body` returns on each rank, by rank.
    ///
    /// - Throws: on all ranks, the error of the first rank that threw one.
    package func gather<Value: Codable>(_ body: () throws -> Value) throws -> [Value] {
        guard count > 1 else { return [try body()] }
        let outcomes: [Outcome<Value>] = exchange(Outcome(body))
        return try outcomes.map { try $0.value() }
    }

    /// What `body` returns for each of `0 ..< items`, which the ranks divide among them.
    ///
    /// - Parameter body: takes this rank's part.
    /// - Throws: on all ranks, the error of the first rank that threw one.
    package func divide<Value: Codable>(_ items: Int, _ body: (Range<Int>) throws -> [Value]) throws -> [Value] {
        Array(try gather { try body(part(of: items)) }.joined())
    }

    /// The columns of all ranks, each column's parts one after another. The ranks have as many columns, of any length.
    package func join(_ columns: [[Double]]) -> [[Double]] {
        guard count > 1 else { return columns }
        let sizes: [[Int]] = exchange(columns.map(\.count))
        var joined = columns.indices.map { column in
            var values: [Double] = []
            values.reserveCapacity(sizes.reduce(0) { $0 + $1[column] })
            return values
        }
        for rank in 0..<count {
            var numbers =
                rank == self.rank ? Array(columns.joined()) : Array(repeating: 0, count: sizes[rank].reduce(0, +))
            numbers.withUnsafeMutableBytes { bytes in
                if let base = bytes.baseAddress { broadcast(base, count: bytes.count, from: rank) }
            }
            var rest = numbers[...]
            for column in joined.indices {
                joined[column] += rest.prefix(sizes[rank][column])
                rest = rest.dropFirst(sizes[rank][column])
            }
        }
        return joined
    }

    /// What `body` returns on rank 0, which alone runs it.
    ///
    /// - Throws: on all ranks, what it throws.
    package func onFirst<Value: Codable>(_ body: () throws -> Value) throws -> Value {
        guard count > 1 else { return try body() }
        var data = Data()
        if isFirst { data = Self.encode(Outcome(body)) }
        broadcast(&data, from: 0)
        return try Self.decode(Outcome<Value>.self, from: data).value()
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

    private func exchange<Value: Codable>(_ value: Value) -> [Value] {
        let own = Self.encode(value)
        return gather(own.count).enumerated().map { rank, size in
            var data = rank == self.rank ? own : Data(count: size)
            broadcastBytes(&data, from: rank)
            return Self.decode(Value.self, from: data)
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

    private static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) -> Value {
        guard let value = try? PropertyListDecoder().decode(type, from: data) else {
            preconditionFailure("the ranks are not of one program")
        }
        return value
    }
}
