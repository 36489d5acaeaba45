/// An attention head, written `layer.head`: 9.9.
public struct Head: Hashable, Comparable, Sendable, LosslessStringConvertible {
    /// From 0.
    public let layer: Int
    /// Which head of its layer, from 0.
    public let index: Int

    public init(_ layer: Int, _ index: Int) {
        self.layer = layer
        self.index = index
    }

    /// nil unless `text` is two non-negative integers joined by a dot.
    public init?(_ text: String) {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false).map { digits in
            digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits) : nil
        }
        guard numbers.count == 2, let layer = numbers[0], let index = numbers[1] else { return nil }
        self.init(layer, index)
    }

    public var description: String { "\(layer).\(index)" }

    public static func < (a: Head, b: Head) -> Bool { (a.layer, a.index) < (b.layer, b.index) }
}

extension Head: TextCoded {
    package static var form: String { "a head as layer.head, such as \"9.9\"" }
}

extension GPT2Config {
    /// All heads, layer by layer.
    public var allHeads: [Head] {
        (0..<layers).flatMap { layer in (0..<heads).map { Head(layer, $0) } }
    }

    /// What is wrong with a head that this model has not; nil for one that it has.
    package func problem(with head: Head) -> String? {
        guard head.layer >= layers || head.index >= heads else { return nil }
        return "found head \(head), expected 0.0 to \(layers - 1).\(heads - 1) in this model"
    }
}
