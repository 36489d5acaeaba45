extension HTMLPage {
    /// What a page can do besides being read: nothing on it depends on this.
    static let script = """
        (() => {
          const all = (selector, root = document) => [...root.querySelectorAll(selector)];
          const marks = '.mark, .marks > path';
          // Stages can be hidden.
          const hidden = new Set();
          for (const item of all('.stages [data-name]')) {
            const button = document.createElement('button');
            button.type = 'button';
            button.append(...item.childNodes);
            button.setAttribute('aria-pressed', 'true');
            button.title = 'Show or hide this stage';
            button.addEventListener('click', () => {
              const name = item.dataset.name;
              if (!hidden.delete(name)) hidden.add(name);
              button.setAttribute('aria-pressed', String(!hidden.has(name)));
              for (const element of all('[data-stage]')) {
                element.classList.toggle('filtered', hidden.has(element.dataset.stage));
              }
            });
            item.append(button);
          }
          // Tables sort by the column whose name is clicked.
          for (const table of all('table:not(.claims)')) {
            const body = table.tBodies[0];
            if (!body || body.rows.length < 3) continue;
            all('thead th', table).forEach((head, column) => {
              if (!head.textContent) return;
              head.setAttribute('aria-sort', 'none');
              head.tabIndex = 0;
              const sort = () => {
                const down = head.getAttribute('aria-sort') === 'ascending';
                for (const other of all('thead th', table)) {
                  if (other.hasAttribute('aria-sort')) other.setAttribute('aria-sort', 'none');
                }
                head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
                const key = row => (row.cells[column] || {}).textContent || '';
                const number = text => parseFloat(text.replace('[', '').replace('−', '-'));
                const rows = [...body.rows].sort((a, b) => {
                  const [x, y] = [key(a), key(b)];
                  const [m, n] = [number(x), number(y)];
                  const order = isNaN(m) || isNaN(n) ? isNaN(m) - isNaN(n) || x.localeCompare(y) : m - n;
                  return down ? -order : order;
                });
                body.append(...rows);
              };
              head.addEventListener('click', sort);
              head.addEventListener('keydown', event => {
                if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); sort(); }
              });
            });
          }
          // The figure of a head begins with its name.
          for (const mark of all(marks)) {
            const head = /^\\d+\\.\\d+(?=:)/.exec(mark.querySelector('title').textContent);
            if (head) mark.dataset.head = head[0];
          }
          // A head that is pointed at is marked wherever it appears.
          let linked = '';
          const link = name => {
            if (name === linked) return;
            for (const element of all('.linked')) element.classList.remove('linked');
            linked = name;
            if (!name) return;
            for (const element of all('[data-head="' + CSS.escape(name) + '"]')) element.classList.add('linked');
          };
          // Marks tell their figures: under the pointer, and by the arrow keys within a chart.
          const tip = document.createElement('div');
          tip.id = 'tip';
          tip.hidden = true;
          tip.setAttribute('role', 'status');
          document.body.append(tip);
          const words = mark => { const title = mark.querySelector('title'); return title ? title.textContent : ''; };
          const tell = mark => {
            const box = mark.getBoundingClientRect();
            tip.textContent = words(mark);
            tip.hidden = !tip.textContent;
            const left = Math.min(box.left, innerWidth - tip.offsetWidth - 8);
            const above = box.top - tip.offsetHeight - 6;
            tip.style.left = Math.max(left, 4) + 'px';
            tip.style.top = (above > 0 ? above : box.bottom + 6) + 'px';
            link(mark.dataset.head || '');
          };
          const hush = () => { tip.hidden = true; link(''); };
          document.addEventListener('pointerover', event => {
            const mark = event.target.closest(marks);
            if (mark) return tell(mark);
            tip.hidden = true;
            const head = event.target.closest('[data-head]');
            link(head ? head.dataset.head : '');
          });
          for (const chart of all('svg.ioi-chart')) {
            const own = all(marks, chart);
            if (!own.length) continue;
            let at = -1;
            chart.tabIndex = 0;
            chart.addEventListener('blur', hush);
            chart.addEventListener('keydown', event => {
              const box = i => own[i].getBoundingClientRect();
              const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
              if (event.key === 'Escape') return hush();
              if (!step) return;
              event.preventDefault();
              if (at < 0) { at = 0; return tell(own[0]); }
              const from = box(at);
              let best = -1, least = Infinity;
              for (let i = 0; i < own.length; i++) {
                const to = box(i);
                const [x, y] = [to.left + to.width / 2 - from.left - from.width / 2,
                  to.top + to.height / 2 - from.top - from.height / 2];
                const [along, aside] = step[0] ? [x * step[0], Math.abs(y)] : [y * step[1], Math.abs(x)];
                if (along > 1 && along + 3 * aside < least) { best = i; least = along + 3 * aside; }
              }
              if (best >= 0) at = best;
              tell(own[at]);
            });
          }
        })();
        """
}
