/// The index, from 0, of each ``PositionClass`` in a prompt's tokens.
public struct Positions: Codable, Equatable, Sendable {
    public var io: Int
    public var s1: Int
    public var s1Next: Int
    public var s2: Int
    public var end: Int

    public init(io: Int, s1: Int, s1Next: Int, s2: Int, end: Int) {
        self.io = io
        self.s1 = s1
        self.s1Next = s1Next
        self.s2 = s2
        self.end = end
    }

    public subscript(position: PositionClass) -> Int {
        switch position {
        case .io: io
        case .s1: s1
        case .s1Next: s1Next
        case .s2: s2
        case .end: end
        }
    }

    /// The same positions after `count` tokens were put before the prompt.
    func moved(by count: Int) -> Positions {
        Positions(io: io + count, s1: s1 + count, s1Next: s1Next + count, s2: s2 + count, end: end + count)
    }

    enum CodingKeys: String, CodingKey {
        case io = "IO"
        case s1 = "S1"
        case s1Next = "S1+1"
        case s2 = "S2"
        case end = "END"
    }
}
