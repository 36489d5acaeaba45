/// What a pass finds out about prompts: columns of numbers, with equally many in each column for every prompt.
protocol PromptColumns {
    var columns: [[Double]] { get set }
}

extension RunSettings {
    /// Runs `body`, which looks at this rank's part of the prompts.
    ///
    /// - Throws: as ``gather(_:)``.
    func divide(_ body: () throws -> Void) throws {
        _ = try gather { () -> Bool in
            try body()
            return true
        }
    }

    /// Puts together what the ranks found out about their parts of the prompts.
    func join(_ found: inout some PromptColumns) {
        if ranks.count > 1 { found.columns = ranks.join(found.columns) }
    }
}
