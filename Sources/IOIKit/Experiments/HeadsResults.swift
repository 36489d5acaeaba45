/// What `ioi heads` found.
public struct HeadsResults: Codable, Equatable, Sendable {
    public let model: HeadProfile
    /// Of the other model, where there is one, and how the two differ.
    public internal(set) var donor: HeadProfile?
    public internal(set) var comparison: HeadComparison?

    init(model: HeadProfile) { self.model = model }

    enum CodingKeys: CodingKey {
        case donor, comparison
    }

    // What was found of the model stands at the top.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        model = try HeadProfile(from: decoder)
        donor = try container.decodeIfPresent(HeadProfile.self, forKey: .donor)
        comparison = try container.decodeIfPresent(HeadComparison.self, forKey: .comparison)
    }

    public func encode(to encoder: any Encoder) throws {
        try model.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(donor, forKey: .donor)
        try container.encodeIfPresent(comparison, forKey: .comparison)
    }
}
