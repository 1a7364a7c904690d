package label

import (
	"fmt"
	"path"
	"strings"
)

// lastPriority is that of labels for what no other rule covers.
const lastPriority = -1 << 20

// Constant labels every row that no other rule covers. Whether that is true
// of the traffic nobody can check: a recording of which nothing is known is
// not benign.
func Constant(label string) (*Rules, error) {
	r := NewRule()
	r.classify(label, "")
	r.ID, r.Source, r.Priority = "constant", "constant", lastPriority
	return generated("constant", []Rule{r})
}

// ByDirectory labels each capture by the name of the folder that it lies in.
func ByDirectory(captures []string) (*Rules, error) {
	return byCapture("directory", captures, func(name string) (string, error) {
		dir := path.Base(path.Dir(name))
		if dir == "." || dir == "/" {
			return "", fmt.Errorf("%s: the capture's name as the tables have it names no folder", name)
		}
		return dir, nil
	})
}

// ByName labels each capture by its name up to the first point.
func ByName(captures []string) (*Rules, error) {
	return byCapture("name", captures, func(name string) (string, error) {
		stem, _, _ := strings.Cut(path.Base(name), ".")
		if stem == "" {
			return "", fmt.Errorf("%s: the capture's name begins with a point", name)
		}
		return stem, nil
	})
}

func byCapture(how string, captures []string, label func(name string) (string, error)) (*Rules, error) {
	var list []Rule
	for _, name := range captures {
		l, err := label(name)
		if err != nil {
			return nil, err
		}
		r := NewRule()
		r.File = patternEscape.Replace(name)
		r.classify(l, "")
		r.ID, r.Source = how+":"+name, how
		list = append(list, r)
	}
	return generated(how, list)
}

// patternEscape makes a pattern that matches a name only.
var patternEscape = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

func generated(how string, list []Rule) (*Rules, error) {
	for i := range list {
		if err := list[i].check(); err != nil {
			return nil, fmt.Errorf("label by %s: %w", how, err)
		}
	}
	return &Rules{List: list, Files: []Source{{File: how, Importer: how, Rules: len(list)}}}, nil
}

// Comments are rules that no file holds: packets are labelled by their pcapng
// comments in pcapml's form, flows by their first packet that has one.
func Comments() *Rules {
	name := string(commentText)
	return &Rules{Comments: true, Files: []Source{{File: name, Importer: "pcapml"}}}
}
