package antinex

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Find lists the files that a pattern (* ? [] and ** for any number of folders)
// finds, sorted; hidden ones are left out, as Python's glob does.
func Find(pattern string) ([]string, error) {
	parts := strings.Split(filepath.ToSlash(filepath.Clean(pattern)), "/")
	fixed := 0
	for fixed < len(parts)-1 && !strings.ContainsAny(parts[fixed], "*?[") {
		fixed++
	}
	root := strings.Join(parts[:fixed], "/")
	switch {
	case root == "" && strings.HasPrefix(pattern, "/"):
		root = "/"
	case root == "":
		root = "."
	}
	for _, p := range parts {
		if _, err := filepath.Match(p, ""); err != nil {
			return nil, fmt.Errorf("pattern %s: %w", pattern, err)
		}
	}
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == root && errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case path != root && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err == nil && matches(parts[fixed:], strings.Split(filepath.ToSlash(rel), "/")) {
			found = append(found, path)
		}
		return err
	})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no file matches %s", pattern)
	}
	slices.Sort(found)
	return found, err
}

// matches reports whether names match patterns, one by one; ** is any number
// of names.
func matches(patterns, names []string) bool {
	if len(patterns) == 0 {
		return len(names) == 0
	}
	if patterns[0] == "**" && len(patterns) > 1 {
		for i := range names {
			if matches(patterns[1:], names[i:]) {
				return true
			}
		}
		return false
	}
	if len(names) == 0 {
		return false
	}
	ok, _ := filepath.Match(patterns[0], names[0]) // Find has checked the patterns
	return ok && matches(patterns[1:], names[1:])
}

// Order puts the files into the order in which the rules name them, by the
// last part of their names. Each must be there and none may be left over.
func (r *Rules) Order(files []string) ([]string, error) {
	if len(r.Files) != len(files) {
		return nil, fmt.Errorf("the metadata is of %d tables, %d are given", len(r.Files), len(files))
	}
	var ordered []string
	for _, name := range r.Files {
		base := name[strings.LastIndexByte(name, '/')+1:]
		i := slices.IndexFunc(files, func(f string) bool { return filepath.Base(f) == base })
		if i < 0 || slices.Contains(ordered, files[i]) {
			return nil, fmt.Errorf("the metadata is of %s, which is not given", name)
		}
		ordered = append(ordered, files[i])
	}
	return ordered, nil
}
