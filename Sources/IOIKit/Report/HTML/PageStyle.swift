extension HTMLPage {
    static let style = """
        :root { color-scheme: light dark; --ink: #1f2328; --quiet: #59636e; --paper: #ffffff; --rule: #d1d9e0;
          --shown: #00694a; --not: #b04800; --note: #fff5d6; --raised: #f6f8fa; --link: #ffe58a; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9aa4af; --paper: #0d1117;
          --rule: #30363d; --shown: #4cc38a; --not: #f0883e; --note: #2d2a1a; --raised: #161b22; --link: #6b5900; } }
        * { box-sizing: border-box; }
        html { scroll-padding-top: 3.2rem; }
        body { margin: 0; background: var(--paper); color: var(--ink);
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
        main { max-width: 1240px; margin: 0 auto; padding: 20px 16px 64px; }
        h1 { font-size: 1.7rem; line-height: 1.2; margin: .2rem 0 .4rem; }
        h2 { margin: 2.5rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid var(--rule); font-size: 1.35rem; }
        h2 a { text-decoration: none; } h2 a:hover { text-decoration: underline; }
        h3 { margin: 1.4rem 0 .25rem; font-size: 1.05rem; }
        p { max-width: 76ch; margin: .5rem 0; } .quiet { color: var(--quiet); }
        .facts { color: var(--quiet); font-size: .92rem; max-width: none; }
        .note { background: var(--note); padding: .5rem .8rem; border-radius: 6px; max-width: none; }
        a { color: inherit; } code { font-size: .88em; overflow-wrap: anywhere; }
        pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; background: var(--raised);
          padding: .6rem .8rem; border-radius: 6px; }
        nav { position: sticky; top: 0; background: var(--paper); z-index: 1; border-bottom: 1px solid var(--rule);
          margin: .8rem 0 0; }
        nav ul { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; padding: .35rem 0; margin: 0; list-style: none;
          font-size: .92rem; }
        nav a { text-decoration: none; } nav a:hover { text-decoration: underline; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
        caption { text-align: left; color: var(--quiet); padding: .3rem 0; font-size: .9rem; }
        th, td { text-align: left; padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--rule);
          vertical-align: top; }
        thead th { color: var(--quiet); font-weight: 600; vertical-align: bottom; }
        tbody th { font-weight: 400; white-space: nowrap; }
        th.number, td.number { text-align: right; } td.number { white-space: nowrap; }
        th[aria-sort] { cursor: pointer; } th[aria-sort=ascending]::after { content: " ▲"; }
        th[aria-sort=descending]::after { content: " ▼"; }
        .wide { overflow-x: auto; } .filtered { display: none !important; }
        .figures { display: flex; flex-wrap: wrap; gap: 12px; margin: .6rem 0; }
        figure { margin: 0; max-width: 100%; min-width: 0; } figcaption { font-size: .85rem; }
        details { margin: .35rem 0; } summary { cursor: pointer; color: var(--quiet); }
        details[open] > summary { color: var(--ink); font-weight: 600; }
        .dot { display: inline-block; width: .62em; height: .62em; border-radius: 50%; margin-right: .45em;
          border: 2px solid var(--stage, var(--quiet)); background: var(--stage, var(--quiet)); }
        .dot.hollow { background: none; }
        \(LineChart.colours.enumerated().map { ".c\($0) { --stage: \($1); }" }.joined(separator: " "))
        .opening { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 604px); gap: 12px 28px;
          align-items: start; margin-top: .6rem; }
        .verdicts { display: flex; height: .8rem; border-radius: 4px; overflow: hidden; margin: .5rem 0 .3rem; }
        .verdicts i { display: block; } .v-shown { background: var(--shown); } .v-not { background: var(--not); }
        .v-unclear { background: #b59b00; } .v-other { background: var(--rule); }
        .big { font-size: 1.5rem; font-weight: 600; line-height: 1.25; }
        .cards { display: grid; gap: .5rem; margin-top: .8rem; }
        .card { border-left: 4px solid var(--stage, var(--quiet)); padding: .1rem 0 .1rem .8rem; }
        .card .big { font-size: 1.25rem; } .card p { margin: 0; }
        .stages { display: flex; flex-wrap: wrap; gap: .3rem .5rem; margin: .8rem 0 0; padding: 0; list-style: none; }
        .stages li, .stages button { font: inherit; font-size: .88rem; border: 1px solid var(--rule);
          border-radius: 1rem; padding: .1rem .7rem; background: none; color: inherit; }
        .stages li:has(button) { border: 0; padding: 0; } .stages button { cursor: pointer; }
        .stages button[aria-pressed=false] { opacity: .45; text-decoration: line-through; }
        .shown, .not, .open { font-weight: 600; white-space: nowrap; }
        .shown { color: var(--shown); } .not { color: var(--not); }
        .open { color: #8a7400; } @media (prefers-color-scheme: dark) { .open { color: #d8bd2a; } }
        .claims td { min-width: 6ch; } .claims .rule { display: block; font-size: .85em; color: var(--quiet); }
        .claims .group th { padding-top: .9rem; font-weight: 600; }
        .panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--panel, 290px)), 1fr)); gap: 14px 18px;
          margin: .6rem 0; }
        .panel h4 { margin: 0 0 .15rem; font-size: .92rem; font-weight: 600; } .panel .maps { display: flex; flex-wrap: wrap; gap: 4px 10px; }
        .panel p { margin: .1rem 0 0; font-size: .85rem; color: var(--quiet); }
        [data-head].linked { background: var(--link); outline: 2px solid #b59b00; }
        svg [data-head].linked { background: none; outline: none; stroke: #b59b00; stroke-width: 2; }
        svg text[data-head].linked { stroke: none; text-decoration: underline; font-weight: 700; }
        #tip { position: fixed; z-index: 2; pointer-events: none; background: var(--ink); color: var(--paper);
          border-radius: 4px; padding: .1rem .5rem; font-size: .85rem; max-width: 92vw; }
        @media (max-width: 900px) { .opening { grid-template-columns: minmax(0, 1fr); }
          nav { position: static; } tbody th { white-space: normal; min-width: 9ch; } }
        @media (max-width: 600px) { .claims thead { display: none; } .claims, .claims tbody, .claims caption { display: block; }
          .claims tr { display: flex; flex-wrap: wrap; gap: 0 .8rem; border-bottom: 1px solid var(--rule);
            padding: .3rem 0; }
          .claims tr > * { border: 0; padding: 0; text-align: left !important; } .claims tr > :first-child { width: 100%; } }
        @page { size: A4; margin: 14mm 12mm; }
        @media print {
          :root { color-scheme: light; --ink: #000; --quiet: #444; --paper: #fff; --rule: #bbb; --shown: #00694a;
            --not: #b04800; --note: #fff5d6; --raised: #f6f8fa; }
          html { font-size: 10px; } body { font-size: 1rem; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
          main { max-width: none; padding: 0; } nav, details, .stages, #tip { display: none; }
          h2 { margin-top: 1.6rem; }
          h2, h3, h4, caption, thead { break-after: avoid; } tr, figure, .panel, .card { break-inside: avoid; }
          .wide { overflow: visible; } table { width: 100%; } .opening { grid-template-columns: 1fr 1.2fr; }
          th, td { padding: .15rem .5rem .15rem 0; } tbody th, th.number, td.number { white-space: normal; }
          .figures { gap: 6px; } .figures figure { max-width: 49%; } .figures figure.whole { max-width: 100%; }
          .figures .ioi-chart, .ioi-chart { max-width: 100%; max-height: 250mm; height: auto; } p { max-width: none; }
          .panels { grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--panel, 200px)), 1fr)); }
        }
        """
}
