import ArgumentParser
import IOIKit

/// What a command measures.
struct MetricOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What is measured (default: logit-difference, or probability-difference where several answers are right, or log-probability where none is wrong).",
            valueName: "metric"
        )
    )
    var metric: Metric?
}
