/// From where on a head counts as doing what a class is named for. (The literature says what stood out; these numbers
/// are this project's choice.)
public struct HeadCriteria: Codable, Equatable, Sendable {
    /// The least direct attribution of a mover, of either sign, in percent of the mean logit difference.
    public var attribution = 2.0
    /// The least copying score of a mover; less where it copies by its correlation.
    public var copying = 0.5
    /// The least correlation of a mover's attention to names with what it writes of them, of either sign; less where it
    /// copies by its score.
    public var correlation = 0.3
    /// The least mean attention, beyond what a head gives that attends to all that it sees alike: (a − u) / (1 − u).
    public var attention = 0.3
    /// By how much, in percent, the logit difference falls at least where an S-inhibition head's z at END is that of a
    /// prompt whose S2 is IO.
    public var inhibition = 2.0
    /// By how much, in percent of the model's logit difference, it falls at least where a backup name mover's path to the
    /// logits is patched and the name movers are knocked out.
    public var backup = 2.0

    public init() {}

    /// - Throws: ``IOIError`` of one that is out of range.
    func validate() throws {
        for (name, share) in [("copying", copying), ("correlation", correlation), ("attention", attention)] {
            try IOIError.check(name, share, in: 0...1)
        }
        for (name, percentage) in [("attribution", attribution), ("inhibition", inhibition), ("backup", backup)] {
            try IOIError.check(name, percentage, in: 0...1000)
        }
    }
}
