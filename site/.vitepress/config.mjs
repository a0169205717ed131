import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { stage } from '../stage.mjs'

const site = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const root = path.dirname(site)
const pages = path.join(site, 'build', 'pages')

const navigation = stage(root, pages)
const icon = fs.readFileSync(path.join(root, 'internal/web/ui/assets/icon.svg'), 'utf8')

// slug returns the anchor that GitHub gives to a heading.
function slug(text) {
  return text.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
}

// tokens returns the words of a text. An ID such as UPGRADE-POST is also one word.
function tokens(text) {
  return [...text.split(/[\n\r\p{Z}\p{P}]+/u), ...(text.match(/[\p{L}\p{N}]+(?:-[\p{L}\p{N}]+)+/gu) ?? [])].filter(Boolean)
}

// indexed returns what the search finds on a page. Of rules and diagnoses, the bytes of probes and the lists of all
// entries are left out.
function indexed(source, env, md) {
  const html = md.render(source, env)
  if (env.frontmatter?.search === false) {
    return ''
  }
  return /^(rules|diagnoses)\//.test(env.relativePath) ? html.replace(/<(pre|table)[\s\S]*?<\/\1>/g, '') : html
}

export default defineConfig({
  title: 'Interlock',
  description: 'Interlock audits HTTP Upgrade: WebSocket, h2c, TLS and every other protocol, in HTTP/1.1 and HTTP/2.',
  lang: 'en',
  srcDir: 'build/pages',
  outDir: 'build/html',
  cacheDir: 'build/cache',
  metaChunk: true,
  vite: { build: { chunkSizeWarningLimit: 4096 } }, // the index of the search
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  markdown: {
    attrs: { disable: true }, // {id} in a path is text
    anchor: { slugify: slug },
    html: false,
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config(md) {
      const text = md.renderer.rules.text
      md.renderer.rules.text = (...args) => text(...args).replaceAll('{{', '&#123;&#123;') // not for Vue
    },
  },
  themeConfig: {
    ...navigation,
    outline: [2, 3],
    docFooter: { prev: false, next: false },
    search: {
      provider: 'local',
      options: {
        _render: indexed,
        miniSearch: {
          options: { tokenize: tokens },
          searchOptions: {
            boostTerm: (term) => (term.includes('-') ? 8 : 1), // IDs
            boostDocument: (id, term, stored) => (stored?.titles?.length ? 1 : 3), // pages before their sections
          },
        },
      },
    },
    notFound: {
      title: 'Page not found',
      quote: 'Search for it, or start from the table of contents.',
      linkLabel: 'Table of contents',
      linkText: 'Table of contents',
    },
  },
})
