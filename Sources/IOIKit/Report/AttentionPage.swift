import Foundation

/// The attention of heads as a page in a single file, with nothing from the network.
///
/// Maps and tables need no script. With one, pointing at a token, or going to it with the arrow keys, shows under each
/// head what the token attends to and what attends to it.
public struct AttentionPage: Sendable {
    public let title: String
    /// The model and the prompts, one line each.
    public let lead: [String]
    public let patterns: AttentionPatterns

    /// - Parameters:
    ///   - title: the title of the page.
    ///   - lead: the lines below it.
    ///   - patterns: what is shown.
    public init(title: String, lead: [String], patterns: AttentionPatterns) {
        (self.title, self.lead, self.patterns) = (title, lead, patterns)
    }

    /// The page, in HTML.
    public var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(title.xml)</title>
        <link rel="icon" href="data:,">
        <style>
        \(Self.style)
        </style>
        </head>
        <body>
        <main>
        <h1>\(title.xml)</h1>
        \(lead.map { "<p>\($0.xml)</p>" }.joined(separator: "\n"))
        <section id="choice" class="live" hidden>
        <p class="quiet" id="help">Point at a token, or press Tab and the arrow keys: each head then shows what the token \
        attends to and what attends to it.</p>
        <div id="tokens" role="listbox" aria-label="token" aria-describedby="help" aria-orientation="horizontal"></div>
        <p id="said" class="visually-hidden" aria-live="polite"></p>
        </section>
        <div class="heads">
        \(patterns.heads.indices.map(article).joined(separator: "\n"))
        </div>
        </main>
        <script type="application/json" id="data">\(data)</script>
        <script>
        \(Self.script)
        </script>
        </body>
        </html>

        """
    }

    /// A head: its map, what the script fills in, and a table.
    private func article(_ index: Int) -> String {
        let map = patterns.heads[index]
        let one = AttentionPatterns(queries: patterns.queries, keys: patterns.keys, heads: [map])
        let chart = PanelChart(
            one, title: "", subtitle: "",
            cell: map.donor == nil ? 26 : max(min(310 / Double(patterns.keys.count), 22), 9))
        return """
            <article\(map.donor == nil ? "" : " class=\"whole\"") aria-labelledby="h\(index)">
            <h2 id="h\(index)">Head \(map.head)</h2>
            <div class="live" data-head="\(index)" hidden></div>
            <figure>\(chart.svg)</figure>
            \(table(map))
            </article>
            """
    }

    /// The keys that the last query attends to most.
    private func table(_ map: AttentionPatterns.Map) -> String {
        let last = patterns.queries.count - 1
        let keys = map.strongestKeys(of: last, 5)
        func cell(_ matrix: AttentionMatrix?, _ key: Int, isSigned: Bool = false) -> [String] {
            matrix.map { [$0[last, key].value?.fixed(3, isSigned: isSigned) ?? "·"] } ?? []
        }
        let header =
            ["to"] + (map.donor == nil ? ["attention"] : ["model", "donor", "donor − model"])
        let rows = keys.map { key in
            [patterns.keyLabel(key)] + cell(map.model, key) + cell(map.donor, key)
                + cell(map.difference, key, isSigned: true)
        }
        func line(_ cells: [String], isHeader: Bool) -> String {
            "<tr>"
                + cells.enumerated().map { column, cell in
                    let tag = isHeader || column == 0 ? "th" : "td"
                    let scope = isHeader ? " scope=\"col\"" : column == 0 ? " scope=\"row\"" : ""
                    return "<\(tag)\(scope)>\(cell.xml)</\(tag)>"
                }.joined() + "</tr>"
        }
        return """
            <table><caption>Strongest keys of \(patterns.lastName.xml)</caption>
            <thead>\(line(header, isHeader: true))</thead>
            <tbody>\(rows.map { line($0, isHeader: false) }.joined())</tbody></table>
            """
    }

    /// What the script reads.
    private var data: String {
        struct Variant: Encodable {
            let name: String
            let isChange: Bool
            /// [queries][keys], as far as the query sees.
            let value: [[Double?]]
        }
        struct Named: Encodable {
            let head: String
            let variants: [Variant]
        }
        struct Contents: Encodable {
            let queries, keys: [String]
            let heads: [Named]
        }
        func rounded(_ matrix: AttentionMatrix) -> [[Double?]] {
            matrix.value.map { row in
                let end = (row.lastIndex { $0 != nil } ?? -1) + 1
                return row[..<end].map { $0.map { ($0 * 1e4).rounded() / 1e4 } }
            }
        }
        let contents = Contents(
            queries: patterns.queries, keys: patterns.keys,
            heads: patterns.heads.map { map in
                let own = Variant(
                    name: map.donor == nil ? "" : "model", isChange: false, value: rounded(map.model))
                let others =
                    [map.donor.map { Variant(name: "donor", isChange: false, value: rounded($0)) }]
                    + [map.difference.map { Variant(name: "donor − model", isChange: true, value: rounded($0)) }]
                return Named(head: map.head.description, variants: [own] + others.compactMap { $0 })
            }
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Numbers and strings can always be encoded. A token may hold the end of a script.
        return String(decoding: try! encoder.encode(contents), as: UTF8.self).replacing("<", with: "\\u003c")
    }

    private static let style = """
        :root { color-scheme: light dark; --ink: #1f2328; --quiet: #59636e; --paper: #ffffff; --rule: #d1d9e0;
          --share: 10, 91, 196; --above: 178, 24, 43; --below: 33, 102, 172; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9aa4af; --paper: #0d1117;
          --rule: #30363d; --share: 47, 129, 247; --above: 229, 83, 75; --below: 68, 147, 248; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink);
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
        main { max-width: 1400px; margin: 0 auto; padding: 24px 16px 64px; }
        h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 0 0 .5rem; }
        h3 { font-size: .9rem; font-weight: 600; margin: .5rem 0 0; }
        p { margin: .25rem 0; max-width: 90ch; overflow-wrap: anywhere; } .quiet { color: var(--quiet); }
        #choice { position: sticky; top: 0; background: var(--paper); border-bottom: 1px solid var(--rule);
          padding: .5rem 0; z-index: 1; max-height: 40vh; overflow-y: auto; }
        .token { display: inline-block; padding: .05rem .25rem; margin: 1px; border-radius: 4px; white-space: pre;
          max-width: 100%; overflow: hidden; text-overflow: ellipsis; border: 1px solid transparent; }
        #tokens .token { border-color: var(--rule); cursor: default; }
        #tokens [aria-selected=true] { border-color: var(--ink); box-shadow: 0 0 0 1px var(--ink); }
        #tokens .token:focus-visible { outline: 2px solid rgb(var(--share)); outline-offset: 2px; }
        .token small { font-size: .7em; margin-left: .2em; } .token.here { border-color: var(--ink); }
        .token.strong { color: #ffffff; }
        .heads { display: flex; flex-wrap: wrap; gap: 24px 32px; margin-top: 1rem; }
        article { flex: 1 1 480px; min-width: 0; max-width: 100%; }
        .whole { flex-basis: 100%; } article .live:not([hidden]) { display: grid; gap: 0 24px;
          grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr)); } .live > div { min-width: 0; }
        figure { margin: .75rem 0; overflow-x: auto; } figure .ioi-chart { max-width: none; }
        table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
        caption { text-align: left; font-weight: 600; padding-bottom: .2rem; white-space: nowrap; }
        th, td { text-align: right; padding: .15rem .9rem .15rem 0; border-bottom: 1px solid var(--rule);
          font-weight: 400; } th:first-child { text-align: left; white-space: pre-wrap; } thead th { color: var(--quiet); }
        .visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        @media print { .live { display: none !important; } article { break-inside: avoid; }
          figure .ioi-chart { max-width: 100%; } }
        """

    private static let script = """
        (() => {
          const data = JSON.parse(document.getElementById('data').textContent);
          const shown = text => (text.trim() ? text : text.replaceAll(' ', '␣')).replaceAll('\\n', '⏎').replaceAll('\\t', '⇥');
          const make = (parent, tag, text, style) => {
            const element = document.createElement(tag);
            if (text) element.textContent = text;
            if (style) element.className = style;
            parent.append(element);
            return element;
          };
          const paint = (element, value, change, limit) => {
            const share = value == null ? 0 : Math.min(Math.abs(value) / limit, 1);
            const colour = change ? (value < 0 ? '--below' : '--above') : '--share';
            element.style.background = share < .004 ? '' : `rgba(var(${colour}), ${share.toFixed(3)})`;
            element.classList.toggle('strong', share > .55);
            element.lastChild.textContent = Math.abs(value ?? 0) < .005 ? '' : (change && value > 0 ? '+' : '') + value.toFixed(2);
            element.title = value == null ? '' : value.toFixed(4);
          };
          const most = Math.max(.05, ...data.heads.flatMap(head => head.variants.filter(v => v.isChange)
            .map(v => v.value.reduce((m, row) => row.reduce((m, x) => Math.max(m, Math.abs(x ?? 0)), m), 0))));
          // Two lines of tokens for each head and variant: what the chosen token attends to, and what attends to it.
          const lines = [];
          for (const place of document.querySelectorAll('[data-head]')) {
            for (const variant of data.heads[place.dataset.head].variants) {
              const column = make(place, 'div');
              for (const isQuery of [true, false]) {
                const heading = make(column, 'h3');
                const row = make(column, 'div');
                const names = isQuery ? data.keys : data.queries;
                const tokens = names.map(name => {
                  const token = make(row, 'span', shown(name), 'token');
                  make(token, 'small');
                  return token;
                });
                lines.push({ variant, isQuery, heading, tokens, limit: variant.isChange ? most : 1 });
              }
            }
          }
          const list = document.getElementById('tokens');
          const options = data.queries.map((name, index) => {
            const option = make(list, 'span', shown(name), 'token');
            option.setAttribute('role', 'option');
            option.tabIndex = -1;
            option.addEventListener('pointerenter', () => choose(index));
            option.addEventListener('click', () => { choose(index); option.focus(); });
            option.addEventListener('focus', () => choose(index));
            return option;
          });
          let chosen = options.length - 1;
          const choose = index => {
            for (const option of [options[chosen], options[index]]) {
              option.tabIndex = -1;
              option.setAttribute('aria-selected', 'false');
            }
            chosen = index;
            options[index].tabIndex = 0;
            options[index].setAttribute('aria-selected', 'true');
            const name = `“${shown(data.queries[index]).trim()}”`;
            for (const { variant, isQuery, heading, tokens, limit } of lines) {
              const prefix = variant.name ? variant.name + ': ' : '';
              heading.textContent = prefix + (isQuery ? `what ${name} attends to` : `what attends to ${name}`);
              tokens.forEach((token, other) => {
                const value = isQuery ? variant.value[index][other] : variant.value[other][index];
                paint(token, value, variant.isChange, limit);
                token.classList.toggle('here', other === index);
              });
            }
            const strongest = data.heads.map(({ head, variants }) => {
              const row = variants[0].value[index];
              const key = row.reduce((best, x, key) => (x ?? -1) > (row[best] ?? -1) ? key : best, 0);
              return `head ${head} to ${shown(data.keys[key]).trim()} ${(row[key] ?? 0).toFixed(2)}`;
            });
            document.getElementById('said').textContent = `${name} attends most: ${strongest.join(', ')}`;
          };
          list.addEventListener('keydown', event => {
            const moves = { ArrowLeft: chosen - 1, ArrowUp: chosen - 1, ArrowRight: chosen + 1, ArrowDown: chosen + 1,
              Home: 0, End: options.length - 1 };
            if (!(event.key in moves)) return;
            event.preventDefault();
            options[Math.min(Math.max(moves[event.key], 0), options.length - 1)].focus();
          });
          for (const part of document.querySelectorAll('.live')) part.hidden = false;
          choose(chosen);
        })();
        """
}
