// Package ui serves the pages: eight screens, rendered as HTML, that work without scripts.
// Everything from the wire is content: it goes through html/template, and bytes that are not
// printable ASCII are shown as escapes. One style sheet and one script are part of the program; the
// pages load nothing else.
package ui
