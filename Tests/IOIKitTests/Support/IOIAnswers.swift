@testable import IOIKit

// The prompts of these tests have one right token, IO, and one wrong token, S.
extension Prompt {
    var ioToken: Int {
        get { rightTokens[0] }
        set { rightTokens = [newValue] }
    }

    var sToken: Int {
        get { wrongTokens[0] }
        set { wrongTokens = [newValue] }
    }

    var abcTokens: [Int]? {
        get { counterfactualTokens }
        set { counterfactualTokens = newValue }
    }
}
