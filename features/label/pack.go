package label

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

// packFiles are label packs: rule files for public corpora whose own labels
// are wrong, typed from what others found out. Each says in its notes where
// its facts are from.
//
//go:embed packs/*.yaml
var packFiles embed.FS

// Packs lists the names of the label packs.
func Packs() []string {
	entries, err := packFiles.ReadDir("packs")
	if err != nil {
		panic(err) // it is part of the program
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	return names
}

// Pack reads a label pack.
func Pack(name string) (*Rules, error) {
	text, err := packFiles.ReadFile(path.Join("packs", name+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("no label pack is called %q; there are %s", name, strings.Join(Packs(), ", "))
	}
	rules, err := parse(name+".yaml", text, Options{Format: "rules"})
	if err != nil {
		return nil, err
	}
	rules.Files[0].Importer = "pack"
	for i := range rules.List {
		rules.List[i].Source = "pack " + name
	}
	return rules, nil
}
