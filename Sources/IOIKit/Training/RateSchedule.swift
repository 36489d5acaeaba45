/// How the learning rate changes over a run.
public struct RateSchedule: Codable, Equatable, Sendable {
    public enum Course: String, Codable, CaseIterable, Sendable {
        /// The same from the first step, or the last of the warm-up, to the end.
        case constant
        /// A straight line to 0 after the last step.
        case linear
    }

    public var course: Course
    /// The number of steps over which the rate rises from 0 first.
    public var warmUp: Int

    enum CodingKeys: String, CodingKey {
        case course
        case warmUp = "warm_up"
    }

    public init(_ course: Course = .constant, warmUp: Int = 0) {
        self.course = course
        self.warmUp = warmUp
    }

    /// The share of the full rate that step `step`, from 1, of `steps` takes.
    func share(at step: Int, of steps: Int) -> Double {
        if step <= warmUp { return Double(step) / Double(warmUp) }
        switch course {
        case .constant: return 1
        case .linear: return Double(steps - step + 1) / Double(steps - warmUp)
        }
    }
}
