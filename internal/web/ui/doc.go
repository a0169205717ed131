// Package ui has the pages that people look at while they audit: eight screens, rendered here in HTML, that work without
// scripts. Everything that came over the wire is content: it goes through html/template, and what is not printable ASCII in
// it is shown as an escape. One style sheet and one script of our own are part of the program; nothing else is loaded.
package ui
