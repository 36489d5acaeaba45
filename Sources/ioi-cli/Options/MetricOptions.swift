import ArgumentParser
import IOIKit

/// What a command measures.
struct MetricOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What is measured (default: logit-difference, or probability-difference where several answers are right).",
            valueName: "metric"
        )
    )
    var metric: Metric?
}
