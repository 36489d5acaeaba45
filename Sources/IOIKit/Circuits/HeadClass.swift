/// Heads of a circuit that do the same thing, and where in a prompt they do it.
public struct HeadClass: Codable, Equatable, Sendable {
    public let name: String
    /// In the file's order.
    public let heads: [Head]
    /// Where a circuit keeps them; everywhere else they are knocked out.
    public let position: PositionSelection

    public init(name: String, heads: [Head], position: PositionSelection) {
        self.name = name
        self.heads = heads
        self.position = position
    }
}
