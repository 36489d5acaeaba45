import GPT2Kit

extension Workers {
    /// Two threads with each way to multiply that is as exact as single precision, of those that this machine has.
    package static let exact = Backend.allCases.filter(\.isAvailable).flatMap { backend in
        [Precision.fp32, .bf16x3].filter { $0.isAvailable(with: backend) }.map {
            Workers(count: 2, backend: backend, precision: $0)
        }
    }
}
