/// The titles of the sections of every command's help, in the order in which they appear.
enum Section {
    static let measurement = "Measurement"
    static let ablation = "Ablation"
    static let model = "Model"
    static let prompts = "Prompts"
    static let training = "Training"
    static let execution = "Execution"
    static let output = "Output"
}
