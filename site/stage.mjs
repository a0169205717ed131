// Copies the Markdown of docs/ into a folder in the form that VitePress builds, and derives the
// navigation from the tables of contents in docs/. The sources are written for readers on GitHub:
// README.md is the index of its folder, words after the language of a fenced block are for tests,
// and links may lead to files outside docs/. Each of these files gets a page of its own.

import fs from 'node:fs'
import path from 'node:path'

// A fenced block, code within a line, a comment on lines of its own, or the target of a link.
const parts = /^( *)(`{3,})([^\n`]*)\n([\s\S]*?)^ *\2`* *$|`[^`\n]+`|^<!--[\s\S]*?-->\n?|\]\(([^()\s]+)\)/gm

// The languages that VitePress can highlight, by file name.
const languages = { '.json': 'json', '.yaml': 'yaml', '.yml': 'yaml' }

// Languages that VitePress cannot highlight.
const plain = new Set(['caddyfile', 'haproxy', 'text', 'wire'])

const otherRules = 'Other rules'

// stage writes the pages and returns the navigation.
export function stage(root, pages) {
  const docs = path.join(root, 'docs')
  const linked = new Set() // files and folders outside docs/
  fs.rmSync(pages, { recursive: true, force: true })
  for (const name of fs.readdirSync(docs, { recursive: true })) {
    if (name.endsWith('.md')) {
      write(path.join(pages, indexed(name)), page(root, name, linked))
    }
  }
  for (const name of linked) {
    writeFile(root, pages, name)
  }
  return navigation(docs)
}

// page returns a page of docs/ as VitePress builds it.
function page(root, name, linked) {
  const dir = path.join(root, 'docs', path.dirname(name))
  const text = fs.readFileSync(path.join(root, 'docs', name), 'utf8')
  const body = text.replace(parts, (all, indent, ticks, info, code, target) => {
    if (ticks) {
      return `${indent}${ticks}${language(info)}\n${code}${indent}${ticks}`
    }
    if (target) {
      return `](${link(root, dir, target, linked)})`
    }
    return all.startsWith('<!--') ? '' : all
  })
  return front(name, text) + body
}

// language returns the language of a fenced block without the words that follow it.
function language(info) {
  const [name = ''] = info.trim().split(/\s+/)
  return plain.has(name) ? '' : name
}

// link returns the target of a link, and adds a file outside docs/ to those that are linked.
function link(root, dir, target, linked) {
  if (/^[a-z]+:|^#/.test(target)) {
    return target
  }
  const [file, anchor] = target.split('#')
  const name = path.relative(root, path.resolve(dir, file))
  if (name.startsWith('docs/')) {
    return anchor ? `${indexed(file)}#${anchor}` : indexed(file)
  }
  linked.add(name)
  const top = path.relative(dir, path.join(root, 'docs')) || '.'
  return `${top}/files/${name}${isFolder(root, name) ? '/index' : ''}.md`
}

function indexed(name) {
  return name.replace(/(^|\/)README\.md$/, '$1index.md')
}

function isFolder(root, name) {
  return fs.statSync(path.join(root, name)).isDirectory()
}

// front returns the front matter of a page: the title, with the requirement of a rule or the
// observation of a diagnosis, and the first paragraph as the description. The wide table of the
// rules has the room of the outline, too.
function front(name, text) {
  const [heading, first = ''] = text.replace(/^<!--.*-->\n\n?/gm, '').split(/\n{2,}/)
  const title = words(heading.replace(/^# /, ''))
  const description = /^[#|\-<`]/.test(first) ? '' : words(first)
  const entry = /^(rules|diagnoses)\//.test(name) && !name.endsWith('README.md')
  return matter({
    title: entry ? `${title}: ${description.replace(/\.$/, '')}` : title,
    description: short(description) || undefined,
    aside: name === 'rules/README.md' ? false : undefined,
  })
}

// short returns the first sentences of a text.
function short(text) {
  return text.length > 200 ? text.slice(0, text.lastIndexOf('. ', 200) + 1) || text : text
}

// words returns a paragraph of Markdown as plain text.
function words(text) {
  return text.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1').replace(/[`*]/g, '').replace(/\s+/g, ' ').trim()
}

function matter(values) {
  const lines = Object.entries(values).filter(([, v]) => v !== undefined).map(([k, v]) => `${k}: ${JSON.stringify(v)}`)
  return `---\n${lines.join('\n')}\n---\n\n`
}

// writeFile writes the page of a file outside docs/, or those of a folder.
function writeFile(root, pages, name) {
  const about = { title: name, search: false, aside: false }
  if (isFolder(root, name)) {
    const files = fs.readdirSync(path.join(root, name)).filter((f) => !isFolder(root, path.join(name, f)))
    const list = files.map((f) => `- [${f}](./${f}.md)`)
    const intro = `# ${path.basename(name)}\n\nThe folder \`${name}\` of the repository.`
    write(path.join(pages, 'files', name, 'index.md'), `${matter(about)}${intro}\n\n${list.join('\n')}\n`)
    files.forEach((f) => writeFile(root, pages, path.join(name, f)))
    return
  }
  const text = fs.readFileSync(path.join(root, name), 'utf8')
  const code = `~~~~~~${languages[path.extname(name)] ?? ''}\n${text.trimEnd()}\n~~~~~~`
  const intro = `# ${path.basename(name)}\n\nThe file \`${name}\` of the repository.`
  write(path.join(pages, 'files', `${name}.md`), `${matter(about)}${intro}\n\n${code}\n`)
}

function write(name, text) {
  fs.mkdirSync(path.dirname(name), { recursive: true })
  fs.writeFileSync(name, text)
}

// navigation returns the menu and the sidebars, from the tables of contents of docs/ and of the
// diagnoses, and from the names of the rules. A sidebar has the rules of one family only, since it
// is part of every page.
function navigation(docs) {
  const contents = sections(path.join(docs, 'README.md'), '/')
  contents.flatMap((s) => s.items).forEach((i) => (i.text = i.text[0].toUpperCase() + i.text.slice(1)))
  const nav = contents.map(({ text, items }) => (items.length === 1 ? { text, link: items[0].link } : { text, items }))
  nav.push({ text: 'Scoreboard', link: '/scoreboard/index.html', target: '_self' }) // of make scoreboard
  const up = { text: 'All documentation', link: '/' }
  const rulebook = { text: 'Rulebook', link: '/rules/' }
  const diagnoses = sections(path.join(docs, 'diagnoses', 'README.md'), '/diagnoses/')
  const families = familiesOf(fs.readdirSync(path.join(docs, 'rules')))
  const others = { text: 'Families of rules', items: families.map(({ text, items }) => ({ text: `${text} (${items.length})`, link: items[0].link })) }
  const sidebar = { '/rules/index.md': [up, others] }
  for (const family of families) {
    const shown = [up, rulebook, family, others]
    if (family.text === otherRules) {
      sidebar['/rules/'] = shown
    } else {
      sidebar[`/rules/${family.text}-`] = sidebar[`/rules/${family.text}.md`] = shown
    }
  }
  sidebar['/diagnoses/'] = [up, { text: 'Diagnoses', link: '/diagnoses/' }, ...diagnoses]
  sidebar['/'] = contents
  return { nav, sidebar }
}

// sections returns the headings of a page with the links in the lists and tables under them.
function sections(file, base) {
  const all = []
  for (const part of fs.readFileSync(file, 'utf8').split(/^## /m).slice(1)) {
    const [text, ...lines] = part.split('\n')
    const links = [...lines.filter((l) => /^[-|]/.test(l)).join('\n').matchAll(/\[([^\]]+)\]\((?!\w+:)([^)]+)\.md\)/g)]
    const items = links.map(([, text, name]) => ({ text, link: base + name.replace(/(^|\/)README$/, '$1') }))
    all.push({ text, items })
  }
  return all
}

// familiesOf returns the rules in groups by the first word after UPGRADE-, and small groups as one.
function familiesOf(files) {
  const groups = {}
  for (const id of files.filter((f) => f.startsWith('UPGRADE-')).map((f) => f.replace(/\.md$/, '')).sort()) {
    const [, word] = id.split('-')
    groups[word] ??= []
    groups[word].push(id)
  }
  const family = (text, ids) => ({ text, items: ids.map((id) => ({ text: id, link: `/rules/${id}` })) })
  const all = Object.entries(groups)
  return [
    ...all.filter(([, ids]) => ids.length > 2).map(([word, ids]) => family(`UPGRADE-${word}`, ids)),
    family(otherRules, all.filter(([, ids]) => ids.length <= 2).flatMap(([, ids]) => ids)),
  ]
}
