import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// Full disks, closed pipes, wrong names, limits of the system, and files that change while they are in use.
@Suite struct FaultTests {
    static let model = Result { try TemporaryModel() }

    /// An empty folder, which the program runs in, with `tiny`, a model.
    static func folder() throws -> URL {
        let folder = CommandTests.fresh()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            at: folder.appendingPathComponent("tiny"), withDestinationURL: try model.get().model)
        return folder
    }

    static func shell(_ line: String, in folder: URL? = nil) async throws -> Program.Outcome {
        try await Program.shell("ulimit -c 0; " + line, in: folder ?? Self.folder())
    }

    // MARK: Outputs

    /// Every flag that names a file or a folder to write.
    static let outputs = [
        "eval --model tiny --count 2 --out", "heads --model tiny --count 2 --out", "bench --out",
        "model check --model tiny --out", "model diff tiny tiny --out", "data --model tiny --count 2 --out",
        "verify none.json --out", "verify none.json --junit", "report none --out", "report none --charts",
        "report none --csv", "circuit discover --model tiny --method eap --count 2 --save",
        "circuit discover --model tiny --method eap --count 2 --save-scores",
        "faithfulness --model tiny --surface --count 2 --chart", "finetune --model tiny --count 2 --out",
        "reproduce --plan quick --out", "model random --out", "model pretrain --out",
    ]

    @Test(arguments: outputs)
    func anOutputThatCannotBeWrittenIsRefusedBeforeTheWork(_ command: String) async throws {
        let flag = command.split(separator: " ").last!
        let isFolder = ["finetune", "reproduce", "random", "pretrain", "--charts", "--csv"].contains(
            where: command.contains)
        for name in ["''", "/dev/null/a.json"] + (isFolder ? [] : [".", "new/"]) {
            // The form of prompts is the extension's.
            if command.hasPrefix("data"), name != "/dev/null/a.json" { continue }
            let folder = try Self.folder()
            let run = try await Self.shell("\"$IOI\" \(command) \(name)", in: folder)
            #expect(run.status == 64 && run.output.isEmpty, "\(name): \(run.errors)")
            #expect(run.complaints.count == 1 && run.complaints[0].hasPrefix("ioi: \(flag): "), "\(run.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["tiny"])
        }
    }

    @Test func parentsAreMadeAndATryTouchesNothing() async throws {
        let folder = try Self.folder()
        let made = try await Self.shell("\"$IOI\" eval --model tiny --count 2 --out a/b/r.json", in: folder)
        #expect(made.status == 0, "\(made.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/a/b") == ["r.json"])
        // The model is missing, which is found after the file was tried.
        let old = try Data(contentsOf: folder.appendingPathComponent("a/b/r.json"))
        for file in ["a/b/r.json", "new.json"] {
            let run = try await Self.shell("\"$IOI\" eval --model ./none --out \(file)", in: folder)
            #expect(run.status == 1)
        }
        #expect(try Data(contentsOf: folder.appendingPathComponent("a/b/r.json")) == old)
        #expect(try Set(FileManager.default.contentsOfDirectory(atPath: folder.path)) == ["a", "tiny"])
        let twice = try await Self.shell(
            "\"$IOI\" circuit discover --model tiny --method eap --count 2 --save a.json --out ./a.json", in: folder)
        #expect(twice.status == 64 && twice.complaints.count == 1)
    }

    /// A limit on the size of files is like a full disk.
    @Test func resultsThatCannotBeWrittenInTheEndArePrinted() async throws {
        let folder = try Self.folder()
        for command in [
            "eval --count 2 --out r.json",
            "circuit discover --method eap --edges 46 --count 2 --save c.json --out r.json",
            "data --count 20 --out r.jsonl",
        ] {
            let run = try await Self.shell(
                "(ulimit -f 1; \"$IOI\" \(command) --model tiny --quiet; echo $? >code) | cat", in: folder)
            #expect(try String(contentsOf: folder.appendingPathComponent("code"), encoding: .utf8) == "1\n")
            #expect(run.complaints.count == 1 && run.complaints[0].contains("cannot be written: File too large"))
            #expect(run.output.hasPrefix("{"), "\(run.output.prefix(200))")
            #expect(
                try Set(FileManager.default.contentsOfDirectory(atPath: folder.path)) == ["code", "tiny"])
        }
    }

    @Test func devicesAndPipesAreWrittenTo() async throws {
        let eval = "\"$IOI\" eval --model tiny --count 2 --quiet --out"
        let file = try await Self.shell("\(eval) r.json >text && cat r.json && rm r.json")
        func results(_ text: String) throws -> NSDictionary? {
            let document = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            return document?["results"] as? NSDictionary
        }
        let expected = try #require(try results(file.output))
        for line in ["\(eval) /dev/stdout", "\(eval) /dev/stdout | cat", "\(eval) o >>o && cat o"] {
            let run = try await Self.shell("touch o; \(line)")
            #expect(try results(run.output) == expected, "\(line): \(run.output.prefix(200))")
        }
        let folder = try Self.folder()
        let pipe = try await Self.shell("mkfifo p; \(eval) p >text & cat p; wait", in: folder)
        #expect(try results(pipe.output) == expected)
        let none = try await Self.shell("\(eval) /dev/null && ls -a /dev | grep partial", in: folder)
        #expect(none.output.hasPrefix("2 clean prompts") && none.complaints.isEmpty)
    }

    // MARK: Standard output and standard error

    @Test(arguments: [
        "eval --model tiny --count 2", "eval --model tiny --count 2 --format json", "model info --model tiny",
        "circuit show gpt2-small", "data --model tiny --count 2", "--help", "eval --help", "--version",
        "--generate-completion-script bash", "finetune --model tiny --count 4 --epochs 1 --out r",
    ])
    func whatCannotBePrintedIsAnError(_ command: String) async throws {
        let reason = "ioi: standard output: cannot be written: "
        #if os(Linux)
            let full = try await Self.shell("\"$IOI\" \(command) >/dev/full")
            #expect(full.status == 1 && full.complaints == [reason + "No space left on device"], "\(full.errors)")
        #endif
        let closed = try await Self.shell("\"$IOI\" \(command) >&-")
        #expect(closed.status == 1 && closed.complaints == [reason + "Bad file descriptor"], "\(closed.errors)")
        // Nobody reads: no message, and the end that a signal makes.
        let pipe = try await Self.shell("{ sleep 0.2; \"$IOI\" \(command); echo \"code $?\" >&2; } | true")
        #expect(pipe.complaints == ["code \(128 + SIGPIPE)"], "\(pipe.errors)")
    }

    /// No file that is opened later is taken for standard error.
    @Test(arguments: ["2>/dev/full", "2>&-", "2>&1 >out | true", "2>&- <&-"])
    func noMessageEndsTheWork(_ redirection: String) async throws {
        let folder = try Self.folder()
        let finetune = "finetune --model tiny --count 8 --batch 4 --epochs 1 --eval-count 2 --threads 1 --out run"
        let run = try await Self.shell("{ \"$IOI\" \(finetune); echo $? >code; } \(redirection)", in: folder)
        #expect(
            try String(contentsOf: folder.appendingPathComponent("code"), encoding: .utf8) == "0\n", "\(run.errors)")
        let weights = folder.appendingPathComponent("run/checkpoints/epoch-001")
        _ = try GPT2(ModelLocation(folder: weights), workers: Workers(count: 1))
    }

    // MARK: Limits of the system

    /// Stacks that do not fit in the address space: no thread can be made.
    @Test func withoutThreadsTheWorkIsDoneByOne() async throws {
        let eval = "\"$IOI\" eval --model tiny --count 64 --threads 4 --format csv --out r.csv"
        let free = try await Self.shell(eval)
        let limited = try await Self.shell(
            "export OPENBLAS_NUM_THREADS=1; ulimit -v 4000000; ulimit -s 4000000; \(eval)")
        #expect(limited.status == 0 && limited.output == free.output && !free.output.isEmpty, "\(limited.errors)")
    }

    @Test func withoutMemoryThereIsOneLine() async throws {
        func run(_ kilobytes: Int, _ model: String) async throws -> String? {
            let run = try await Self.shell(
                "ulimit -v \(kilobytes); \"$IOI\" model random --like \(model) --out big --quiet --threads 1")
            #expect(run.status == 1 && run.complaints.count == 1, "\(run.errors)")
            return run.complaints.first
        }
        #expect(
            try await run(2_000_000, "gpt2-xl")
                == "ioi: a model of this shape takes 5.9 GB of memory, more than the 2.0 GB available")
        // It would fit if there were nothing else.
        #expect(try await run(550_000, "gpt2")?.hasSuffix("MB more memory are needed than the system gives") == true)
    }

    @Test(arguments: ["fp32", "bf16"])
    func trainingThatDoesNotFitIsRefusedBeforeItStarts(_ moments: String) async throws {
        let run = try await Self.shell(
            """
            ulimit -v 4000000; "$IOI" finetune --model tiny --loss all --count 40000 --batch 40000 --moments \(moments) \
            --eval-count 0 --threads 1 --out run; code=$?; ls run 2>/dev/null; exit $code
            """)
        #expect(run.status == 1 && run.complaints.count == 1 && run.output.isEmpty, "\(run.errors)")
        let complaint = run.complaints.first ?? ""
        #expect(complaint.hasPrefix("ioi: training on batches of 40000 examples takes "))
        let ways = moments == "fp32" ? "--moments bf16 or a smaller --batch" : "a smaller --batch"
        #expect(complaint.hasSuffix(" GB of memory, more than the 4.1 GB available; \(ways) takes less"))
    }

    // MARK: Files that change

    @Test func aModelThatIsShortenedWhileItIsInUseEndsTheWorkInOneLine() async throws {
        let run = try await Self.shell(
            """
            cp -rL tiny mm; "$IOI" eval --model ./mm --count 200000 --threads 2 & pid=$!
            sleep 1; : >mm/model.safetensors; wait $pid
            """)
        #expect(run.status == 1 && run.complaints.count == 1, "\(run.errors)")
        #expect(run.complaints.first?.contains("/mm/model.safetensors: ") == true)
    }

    // MARK: Two at once, and signals

    /// Kills, and simultaneous starts, by the script that is run with hundreds of them before a release.
    @Test(arguments: ["kills", "starts"])
    func nothingIsLost(_ mode: String) async throws {
        let script = ModelLocation.sourcePackage.appendingPathComponent("Scripts/torture.sh").path
        let run = try await Self.shell("bash '\(script)' \"$IOI\" \(mode) 6 \(mode.count)")
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.hasSuffix(" 0 failures\n"))
    }

    @Test func twoDoNotWriteOneResultsFile() async throws {
        let run = try await Self.shell(
            """
            mkfifo p; "$IOI" eval --data - --model tiny --out r.json <p >text & exec 3>p
            while [ ! -e .r.json.lock ]; do sleep 0.05; done
            "$IOI" eval --model tiny --count 2 --out r.json; echo "code $?" >&2
            "$IOI" data --model tiny --count 2 --quiet >&3; exec 3>&-; wait; ls -A
            """)
        #expect(run.complaints.contains("ioi: --out: r.json: another process is about to write it"), "\(run.errors)")
        #expect(run.complaints.contains("code 1"))
        #expect(run.output == "p\nr.json\ntext\ntiny\n")
    }

    @Test func underNohupTheEndOfTheTerminalIsNothing() async throws {
        let finetune = "finetune --model tiny --count 512 --batch 4 --epochs 2 --eval-count 0 --out run --quiet"
        let run = try await Self.shell(
            """
            trap '' HUP; "$IOI" \(finetune) & pid=$!
            while [ ! -s run/metrics.jsonl ]; do sleep 0.05; done; kill -HUP $pid; wait $pid
            """)
        #expect(run.status == 0, "\(run.errors)")
    }
}
