package main

import (
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/pcapline/pcapline"

// order is the way of the data, and of imports: a package may import those
// whose first path element comes before its own, and its own.
var order = []string{"pcapio", "transform", "features", "train", "cmd"}

func rank(p string) int {
	first, _, _ := strings.Cut(p, "/")
	for i, o := range order {
		if o == first {
			return i
		}
	}
	return -1
}

func TestImportsGoOneWay(t *testing.T) {
	for dir, pkg := range packages(t) {
		for _, imp := range pkg.Imports {
			local, ok := strings.CutPrefix(imp, module+"/")
			if !ok {
				continue
			}
			if rank(local) > rank(dir) {
				t.Errorf("%s imports %s, against the way of the data %v", dir, local, order)
			}
		}
	}
}

func TestOnlyGraphImportsGorgonia(t *testing.T) {
	for dir, pkg := range packages(t) {
		for _, imp := range pkg.Imports {
			if strings.HasPrefix(imp, "gorgonia.org/") && dir != "train/internal/graph" {
				t.Errorf("%s imports %s; only train/internal/graph may", dir, imp)
			}
		}
	}
}

func TestNoLibraryPrintsOrExits(t *testing.T) {
	talks := regexp.MustCompile(`\b(os\.Exit|os\.Stdout|os\.Stderr|fmt\.Print(f|ln)?|log\.(Fatal|Panic|Print)\w*)\b`)
	comment := regexp.MustCompile(`(?m)//.*$`)
	for dir, pkg := range packages(t) {
		if strings.HasPrefix(dir, "cmd/") {
			continue
		}
		for _, name := range pkg.GoFiles {
			text, err := os.ReadFile(filepath.Join(pkg.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if found := talks.Find(comment.ReplaceAll(text, nil)); found != nil {
				t.Errorf("%s/%s has %s; only cmd talks to people and ends the program", dir, name, found)
			}
		}
		for _, imp := range pkg.Imports {
			if imp == "github.com/urfave/cli/v2" {
				t.Errorf("%s imports %s; only cmd talks to people", dir, imp)
			}
		}
	}
}

func TestEveryPackageIsTaughtOnceAndNamedWell(t *testing.T) {
	for dir, pkg := range packages(t) {
		if pkg.Doc == "" {
			t.Errorf("%s has no package comment", dir)
		}
		for _, bad := range []string{"util", "utils", "common", "types", "helpers", "misc"} {
			if path.Base(dir) == bad {
				t.Errorf("%s: a package is named after what it is", dir)
			}
		}
		if rank(dir) < 0 {
			t.Errorf("%s lies outside %v", dir, order)
		}
	}
}

// packages finds every package of the module by its folder.
func packages(t *testing.T) map[string]*build.Package {
	t.Helper()
	root := filepath.Join("..", "..")
	found := map[string]*build.Package{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if name == "testdata" || (strings.HasPrefix(name, ".") && p != root && !strings.HasPrefix(name, "..")) {
			return filepath.SkipDir
		}
		pkg, err := build.Default.ImportDir(p, build.ImportComment)
		if _, none := err.(*build.NoGoError); none {
			return nil
		}
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		if rel != "." {
			found[filepath.ToSlash(rel)] = pkg
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
