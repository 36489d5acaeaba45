import Foundation
import PackagePlugin

/// Gives a target the constant `builtCommit`: the commit that it is built from, with `-dirty` if files have changed since,
/// or nil outside a Git checkout. It is looked up at every build.
@main struct CommitPlugin: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) -> [Command] {
        let folder = context.pluginWorkDirectoryURL
        // A package unpacked inside another checkout is not of that checkout's commit, hence the prefix. The file keeps its
        // date while it stays the same, so that nothing is compiled again.
        let script = """
            export GIT_OPTIONAL_LOCKS=0
            cd "$1" && mkdir -p "$2" || exit 1
            commit=nil
            if prefix=$(git rev-parse --show-prefix 2>&1) && [ -z "$prefix" ]; then
                commit=\\"$(git describe --always --dirty --abbrev=9 --exclude='*')\\"
            fi
            line="let builtCommit: String? = $commit"
            [ "$(cat "$2/Commit.swift" 2>&1)" = "$line" ] || echo "$line" > "$2/Commit.swift"
            """
        return [
            .prebuildCommand(
                displayName: "Looking up the commit", executable: URL(fileURLWithPath: "/bin/sh"),
                arguments: ["-c", script, "commit", context.package.directoryURL.path, folder.path],
                environment: ProcessInfo.processInfo.environment.filter { $0.key == "PATH" },
                outputFilesDirectory: folder)
        ]
    }
}
