// Run in a page of frames: writes what is wrong with the layout of each into the element `findings`.
const tolerance = 1.5

function isShown(element) {
  return element.checkVisibility({opacityProperty: true, visibilityProperty: true})
}

function name(text) { return "“" + text.trim().replace(/\s+/g, " ").slice(0, 60) + "”" }

function intersection(a, b) {
  const left = Math.max(a.left, b.left), right = Math.min(a.right, b.right)
  const top = Math.max(a.top, b.top), bottom = Math.min(a.bottom, b.bottom)
  return right > left && bottom > top ? {left, right, top, bottom} : null
}

// The lines of text on a page: their words, their place without the room above and below letters, and their element.
function lines(document) {
  const found = []
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement
    if (!node.data.trim() || !element || /^(style|script|title|desc|noscript)$/i.test(element.localName)) continue
    if (!isShown(element)) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    const boxes = element.namespaceURI.endsWith("svg") ? [element.getBoundingClientRect()] : range.getClientRects()
    for (const box of boxes) {
      if (box.width < 1 || box.height < 1) continue
      const room = 0.2 * box.height
      found.push({
        text: node.data, element, left: box.left, right: box.right, top: box.top + room, bottom: box.bottom - room
      })
    }
  }
  return found
}

// The part of a line that no ancestor scrolls out of sight or cuts away; null if nothing is left. Whether it is cut is kept.
function visiblePart(line, view) {
  let part = line
  for (let element = line.element; element && part; element = element.parentElement) {
    if (element.namespaceURI.endsWith("svg")) continue
    const style = view.getComputedStyle(element), box = element.getBoundingClientRect()
    if (style.position === "fixed") return part
    if (style.overflowX === "visible" && style.overflowY === "visible") continue
    if (element === element.ownerDocument.documentElement || element === element.ownerDocument.body) continue
    // Text for screen readers is in a box of a pixel.
    if (box.width < 4 || box.height < 4) return null
    const rect = intersection(part, box)
    const isCut = /hidden|clip/.test(style.overflowX) && !isWithin(part, box)
    part = rect && {...part, ...rect, isCut: part.isCut || isCut}
  }
  return part
}

function overlaps(all) {
  const found = []
  const ordered = [...all].sort((a, b) => a.top - b.top)
  ordered.forEach((a, index) => {
    for (let next = index + 1; next < ordered.length && ordered[next].top < a.bottom - tolerance; next++) {
      const b = ordered[next], shared = intersection(a, b)
      if (!shared || shared.right - shared.left <= tolerance || shared.bottom - shared.top <= tolerance) continue
      found.push(`${name(a.text)} and ${name(b.text)} at ${Math.round(shared.left)}, ${Math.round(shared.top)}`)
    }
  })
  return found
}

function isWithin(line, box) {
  return line.left >= box.left - tolerance && line.right <= box.right + tolerance
    && line.top >= box.top - tolerance && line.bottom <= box.bottom + tolerance
}

function outside(all, document, view) {
  const found = []
  const boxes = [...document.querySelectorAll("svg rect.box, svg .cell")].filter(isShown).map(box => ({
    element: box, svg: box.ownerSVGElement, rect: box.getBoundingClientRect()
  }))
  for (const line of all) {
    if (line.isCut) found.push(`${name(line.text)} is cut off`)
    if (line.element.namespaceURI.endsWith("svg")) {
      const svg = line.element.ownerSVGElement
      let root = svg
      while (root.ownerSVGElement) root = root.ownerSVGElement
      for (const one of new Set([svg, root])) {
        if (!isWithin(line, one.getBoundingClientRect())) found.push(`${name(line.text)} beyond its picture`)
      }
      const x = (line.left + line.right) / 2, y = (line.top + line.bottom) / 2
      for (const box of boxes) {
        if (box.svg !== svg) continue
        const rect = box.rect
        if (x > rect.left && x < rect.right && y > rect.top && y < rect.bottom && !isWithin(line, rect)) {
          found.push(`${name(line.text)} beyond its box`)
        }
      }
      continue
    }
    let block = line.element
    while (view.getComputedStyle(block).display.startsWith("inline") && block.parentElement) block = block.parentElement
    const rect = block.getBoundingClientRect()
    if (line.left < rect.left - tolerance || line.right > rect.right + tolerance) {
      found.push(`${name(line.text)} beyond its ${block.localName}`)
    }
  }
  return found
}

function colour(css) {
  const numbers = (css.match(/[\d.]+/g) || []).map(Number)
  if (css === "none" || css === "transparent" || numbers.length < 3) return null
  if (css.startsWith("color(srgb")) return {rgb: numbers.slice(0, 3).map(x => 255 * x), alpha: numbers[3] ?? 1}
  return {rgb: numbers.slice(0, 3), alpha: numbers[3] ?? 1}
}

function luminance(rgb) {
  const parts = rgb.map(level => {
    const share = level / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
}

function faint(all, document, view) {
  const found = []
  for (const line of all) {
    if (!line.element.namespaceURI.endsWith("svg")) continue
    const front = colour(view.getComputedStyle(line.element).fill)
    if (!front) continue
    const layers = []
    const stack = document.elementsFromPoint((line.left + line.right) / 2, (line.top + line.bottom) / 2)
    // Scrolled out of sight.
    if (!stack.includes(line.element)) continue
    for (const element of stack) {
      if (element === line.element || /^(text|tspan|g|a|line|polyline)$/.test(element.localName)) continue
      const style = view.getComputedStyle(element)
      const isShape = element.namespaceURI.endsWith("svg") && element.localName !== "svg"
      const back = colour(isShape ? style.fill : style.backgroundColor)
      if (!back) continue
      const alpha = back.alpha * Number(style.opacity) * (isShape ? Number(style.fillOpacity) : 1)
      layers.push({rgb: back.rgb, alpha})
      if (alpha >= 1) break
    }
    let rgb = [255, 255, 255]
    for (const layer of layers.reverse()) rgb = rgb.map((level, i) => level + layer.alpha * (layer.rgb[i] - level))
    const [low, high] = [luminance(front.rgb), luminance(rgb)].sort((a, b) => a - b)
    const contrast = (high + 0.05) / (low + 0.05)
    if (contrast < 4.5) found.push(`${name(line.text)} with contrast ${contrast.toFixed(1)}`)
  }
  return found
}

function tabStops(document) {
  const all = document.querySelectorAll("a[href], area[href], button, input, select, textarea, summary, [tabindex]")
  return [...all].filter(element => element.tabIndex >= 0 && !element.disabled && isShown(element)).length
}

function inspect(frame) {
  const view = frame.contentWindow, document = frame.contentDocument, root = document.documentElement
  const isPicture = root.localName === "svg"
  const height = isPicture ? root.getBoundingClientRect().height : root.scrollHeight
  // Everything in sight, so that what is behind a text can be asked for.
  frame.height = Math.ceil(height)
  const shown = lines(document)
  const all = shown.map(line => visiblePart(line, view)).filter(Boolean)
  return {
    overlaps: overlaps(all), outside: outside(all, document, view), faint: faint(all, document, view),
    overflow: Math.max((isPicture ? root.getBoundingClientRect().width : root.scrollWidth) - view.innerWidth, 0),
    tabStops: tabStops(document), height,
    requests: view.performance.getEntriesByType("resource").map(entry => entry.name),
    pictures: [...document.querySelectorAll("svg.ioi-chart")].filter(svg => !svg.parentElement?.closest("svg")).length
  }
}

addEventListener("load", () => {
  const findings = [...document.querySelectorAll("iframe")].map(inspect)
  const bytes = new TextEncoder().encode(JSON.stringify(findings))
  document.getElementById("findings").textContent = btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""))
})
