extension Positions {
    /// The positions of an IOI prompt.
    public init(io: Int, s1: Int, s1Next: Int, s2: Int, end: Int) {
        self.init([.io: io, .s1: s1, .s1Next: s1Next, .s2: s2, .end: end], count: end + 1)
    }

    /// Whether all positions of an IOI prompt are named.
    var areIOI: Bool { PositionName.ioi.allSatisfy { self[$0] != nil } }

    // Only of an IOI prompt.
    public var io: Int { self[.io]! }
    public var s1: Int { self[.s1]! }
    public var s1Next: Int { self[.s1Next]! }
    public var s2: Int { self[.s2]! }
    public var end: Int { self[.end]! }
}
