package site

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// A source is a file of a recipe.
type source struct{ Name, Text string }

// maxSource bounds the length of a file that a page shows, in bytes.
const maxSource = 32 << 10

// locks are files that pin the dependencies of a recipe. They are long, and no page shows them.
var locks = []string{"go.sum", "package-lock.json"}

// sources returns a recipe and the files in its folder. Both are empty if the recipe is of another
// checkout.
func (b *board) sources(recipe string) (all []source, err error) {
	if b.recipes == nil || recipe == "" {
		return nil, nil
	}
	text, err := fs.ReadFile(b.recipes, recipe)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all = append(all, source{recipe, string(text)})
	folder := path.Dir(recipe)
	entries, err := fs.ReadDir(b.recipes, folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		if name == recipe || !e.Type().IsRegular() || isLock(e.Name()) {
			continue
		}
		if info, err := e.Info(); err != nil || info.Size() > maxSource {
			continue
		}
		text, err := fs.ReadFile(b.recipes, name)
		if err != nil {
			return nil, err
		}
		all = append(all, source{name, string(text)})
	}
	return all, nil
}

func isLock(name string) bool {
	for _, l := range locks {
		if strings.HasSuffix(name, l) {
			return true
		}
	}
	return false
}
