/// How AdamW's moments are kept between updates, which compute in single precision in any case.
public enum MomentPrecision: String, Codable, CaseIterable, Sendable {
    case fp32
    /// bfloat16 with stochastic rounding (Gupta et al. 2015), in half the memory: each number becomes one of the two nearest
    /// at random, so that its mean is the number itself. Rounded to the nearest, a second moment would never change, since
    /// an update changes it by less than half of its last place.
    case bf16

    /// The type of the tensors that hold them in a file.
    package var type: SafetensorsDType { self == .fp32 ? .f32 : .bf16 }

    /// The bytes of one.
    package var size: Int { self == .fp32 ? 4 : 2 }
}
