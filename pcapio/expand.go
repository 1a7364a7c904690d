package pcapio

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// captureName is how captures in folders are named: also numbered by tcpdump
// -C (x.pcap1), also compressed.
var captureName = regexp.MustCompile(`(?i)\.(pcap|pcapng|cap|dmp|dump|ntar)[0-9]*(\.(gz|zst|zstd|xz|lz4))*$`)

// IsCaptureName reports whether a file is named as captures in folders are.
func IsCaptureName(name string) bool { return captureName.MatchString(name) }

// Expand turns what a user names into a list of capture files:
//
//   - a file stands for itself, whatever its name; "-" is standard input;
//   - a folder for the captures in it and below it, by their endings (.pcap .pcapng
//     .cap .dmp .dump .ntar, a number behind them, compressed or not);
//     hidden files and folders are left out;
//   - a pattern (* ? []) that is no file's name for what it matches;
//   - @list for the lines of that file, each a name as above; empty ones and
//     those that begin with # do not count. Names are relative to the
//     working directory.
//
// The list is sorted by name and free of duplicates, so it does not depend on
// the order of the arguments or of a folder. A name that stands for nothing
// is an error: [fs.ErrNotExist], or [ErrNoCapture] for a folder or list without any.
func Expand(names []string) ([]string, error) {
	var e expander
	for _, name := range names {
		if err := e.add(name, false); err != nil {
			return nil, err
		}
	}
	slices.Sort(e.files)
	return slices.Compact(e.files), nil
}

type expander struct{ files []string }

func (e *expander) add(name string, listed bool) error {
	if name == "-" {
		e.files = append(e.files, name)
		return nil
	}
	st, err := os.Stat(name)
	switch {
	case err == nil && st.IsDir():
		return e.folder(name)
	case err == nil:
		e.files = append(e.files, filepath.Clean(name))
		return nil
	case strings.HasPrefix(name, "@") && !listed:
		return e.list(name[1:])
	case strings.ContainsAny(name, "*?["):
		return e.pattern(name)
	}
	return err
}

func (e *expander) folder(root string) error {
	before := len(e.files)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != root && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !captureName.MatchString(d.Name()) {
			return nil
		}
		// A link is followed to a file, not to a folder, which might hold it.
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			e.files = append(e.files, filepath.Clean(path))
		}
		return nil
	})
	if err == nil && len(e.files) == before {
		return fmt.Errorf("%s: %w", root, ErrNoCapture)
	}
	return err
}

func (e *expander) pattern(pattern string) error {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return fmt.Errorf("%s: %w", pattern, err)
	}
	if len(found) == 0 {
		return fmt.Errorf("nothing matches %s: %w", pattern, fs.ErrNotExist)
	}
	for _, name := range found {
		if strings.HasPrefix(filepath.Base(name), ".") && !strings.HasPrefix(filepath.Base(pattern), ".") {
			continue
		}
		if err := e.add(name, true); err != nil {
			return err
		}
	}
	return nil
}

func (e *expander) list(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("list of captures: %w", err)
	}
	defer f.Close()
	before := len(e.files)
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		name := strings.TrimSpace(lines.Text())
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if err := e.add(name, true); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(e.files) == before {
		return fmt.Errorf("%s: %w", path, ErrNoCapture)
	}
	return nil
}
