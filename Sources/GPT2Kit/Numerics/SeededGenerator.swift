import Foundation

/// SplitMix64 (Steele, Lea & Flood 2014): the same seed gives the same numbers on every machine.
///
/// Every kind of draw has a generator of its own (`SeededGenerator(seed, "prompts", 17)`), so that drawing more of one
/// kind never changes another.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    @usableFromInline var state: UInt64

    /// - Parameters:
    ///   - seed: the user's seed.
    ///   - stream: the kind of draw.
    ///   - index: of the draw within its kind.
    public init(_ seed: UInt64, _ stream: String, _ index: Int = 0) {
        state = seed
        // FNV-1a over the name, so that streams depend on their names and not on the order of calls.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        state = next() ^ hash
        state = next() ^ UInt64(bitPattern: Int64(index))
        _ = next()
    }

    @inlinable
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A uniform integer in `0 ..< bound`, without bias.
    ///
    /// Written out, because the standard library does not promise the same method in every version.
    @inlinable
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "there is no integer in 0 ..< \(bound)")
        let bound = UInt64(bound)
        while true {
            let (high, low) = next().multipliedFullWidth(by: bound)
            if low >= (0 &- bound) % bound { return Int(high) }
        }
    }

    /// A uniform number in `[0, 1)`, a multiple of 2⁻⁵³.
    @inlinable
    public mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// A standard normal number, by Box and Muller's method.
    public mutating func normal() -> Double {
        let radius = (-2 * Foundation.log(1 - uniform())).squareRoot()
        return radius * Foundation.cos(2 * .pi * uniform())
    }

    /// Shuffles in place, by Fisher and Yates's method.
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(last, below(last + 1))
        }
    }
}
