/// The numbers of layers and of heads in a layer that maps of heads have.
struct MapShape: Equatable {
    let layers, heads: Int

    /// The shape of the maps in files that are decoded with it in the decoder's `userInfo`: the first one sets it, and the
    /// others have to agree.
    final class Shared: @unchecked Sendable {
        fileprivate(set) var shape: MapShape?

        init(_ shape: MapShape? = nil) { self.shape = shape }
    }

    /// - Parameter counts: the number of entries in each row of a map. [layers]
    /// - Throws: `DecodingError` if they are not equal, or not those of the other maps.
    static func check(_ counts: [Int], at decoder: any Decoder) throws {
        func refuse(_ expected: String) -> DecodingError {
            DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "expected \(expected), an entry for each head"))
        }
        guard let heads = counts.first, heads > 0, counts.allSatisfy({ $0 == heads }) else {
            throw refuse("rows of equal length")
        }
        let shape = MapShape(layers: counts.count, heads: heads)
        guard let shared = decoder.userInfo[.mapShape] as? Shared else { return }
        if let other = shared.shape, other != shape {
            throw refuse("\(other.layers) rows of \(other.heads), as in other maps")
        }
        shared.shape = shape
    }
}

extension CodingUserInfoKey {
    static let mapShape = CodingUserInfoKey(rawValue: "mapShape")!
}

extension KeyedDecodingContainer {
    /// Decodes a value for each head. [layers][heads]
    func decodeMap<Value: Decodable>(of type: Value.Type, forKey key: Key) throws -> [[Value]] {
        let rows = try decode([[Value]].self, forKey: key)
        try MapShape.check(rows.map(\.count), at: superDecoder(forKey: key))
        return rows
    }
}
