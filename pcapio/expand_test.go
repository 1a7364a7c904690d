package pcapio

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{
		"b.pcap", "a.pcapng", "noname", "x[1].cap", "day/1/c.PCAP.gz", "day/1/notes.txt", "day/1/.d.pcapng.part", "day/.hidden/e.pcap",
		"day/2/.f.pcap", "day/2/g.dmp", "day/2/h.ntar.xz", "day/2/i.pcap12", "day/2/j.pcapng.zst", "day/2/k.cap.lz4", "day/2/pcap",
		"day/2/l.pcap.bak", "empty/readme",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	day := "day/1/c.PCAP.gz day/2/g.dmp day/2/h.ntar.xz day/2/i.pcap12 day/2/j.pcapng.zst day/2/k.cap.lz4"
	list := "# captures\n\nb.pcap\n  day/2/g.dmp  \n*.pcapng\n"
	if err := os.WriteFile("list", []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("nothing", []byte("# none\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("nested", []byte("@list\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args, want string
		err        error
	}{
		{"", "", nil},
		{"noname", "noname", nil},
		{"b.pcap a.pcapng ./b.pcap day/../b.pcap", "a.pcapng b.pcap", nil},
		{"day", day, nil},
		{"day day/ day/2/g.dmp b.pcap", "b.pcap " + day, nil},
		{"b.pcap -", "- b.pcap", nil},
		{"*.pcap*", "a.pcapng b.pcap", nil},
		{"d?y", day, nil},
		{"x[1].cap", "x[1].cap", nil}, // a file of that name comes first
		{"day/2/*", "day/2/g.dmp day/2/h.ntar.xz day/2/i.pcap12 day/2/j.pcapng.zst day/2/k.cap.lz4 day/2/l.pcap.bak day/2/pcap", nil},
		{"@list", "a.pcapng b.pcap day/2/g.dmp", nil},
		{"missing.pcap", "", fs.ErrNotExist},
		{"*.none", "", fs.ErrNotExist},
		{"[", "", filepath.ErrBadPattern},
		{"empty", "", ErrNoCapture},
		{"day empty", "", ErrNoCapture},
		{"@nothing", "", ErrNoCapture},
		{"@missing", "", fs.ErrNotExist},
		{"@nested", "", fs.ErrNotExist}, // a list names no lists
	} {
		got, err := Expand(strings.Fields(c.args))
		if strings.Join(got, " ") != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: %q, %v\nwant %q, %v", c.args, got, err, c.want, c.err)
		}
	}
}

// A link to a file counts, a link to a folder that holds it does not loop.
func TestExpandLinks(t *testing.T) {
	root := t.TempDir()
	file := writeFile(t, "real.pcap", nil)
	if err := os.Symlink(file, filepath.Join(root, "link.pcap")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(root, filepath.Join(root, "loop.pcap")); err != nil {
		t.Skip(err)
	}
	got, err := Expand([]string{root})
	if err != nil || len(got) != 1 || filepath.Base(got[0]) != "link.pcap" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDigest(t *testing.T) {
	path := writeFile(t, "x", []byte("abc"))
	sum, size, err := Digest(path)
	if sum != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" || size != 3 || err != nil {
		t.Errorf("%s, %d, %v", sum, size, err)
	}
	for path, want := range map[string]error{"-": os.ErrInvalid, t.TempDir(): os.ErrInvalid, path + "x": fs.ErrNotExist} {
		if _, _, err := Digest(path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}
