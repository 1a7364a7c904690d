package antinex

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
)

// shared is where wider corpora lie, for those who have them.
const shared = "../../../shared/data/antinex"

func needShared(t testing.TB, path string) string {
	t.Helper()
	path = filepath.Join(shared, path)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("wider corpora are not here: %v", err)
	}
	return path
}

func sameFile(t testing.TB, got, want string) {
	t.Helper()
	a, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a, b) {
		return
	}
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	show := func(s []byte) []byte { return s[min(max(n-80, 0), len(s)):min(n+80, len(s))] }
	t.Fatalf("%s (%d bytes) and %s (%d bytes) differ at byte %d\n got: %q\nwant: %q", got, len(a), want, len(b), n, show(a), show(b))
}

// TestPublishedDatasets: the attack halves of AntiNex's datasets come out of
// its recordings byte for byte, with their metadata.
func TestPublishedDatasets(t *testing.T) {
	for _, c := range []struct{ app, short string }{{"django", "django"}, {"flask-restplus", "flask"}, {"react-redux", "react"}} {
		t.Run(c.app, func(t *testing.T) {
			for _, kind := range []string{"fulldata", "cleaned"} {
				reproduce(t, c.app, kind+"_v1_"+c.short+"_attack_metadata.json")
			}
		})
	}
}

// reproduce prepares a dataset by one of its metadata files.
func reproduce(t *testing.T, app, metadata string) {
	meta := needShared(t, "prepared/"+app+"/"+metadata)
	rules, err := ReadRules(meta)
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Rules: rules, Names: rules.Files}
	for _, name := range rules.Files {
		opt.Files = append(opt.Files, needShared(t, "raw/"+app+"/"+filepath.Base(name)))
	}
	full, clean := Names(rules.MetaSuffix)
	dir := t.TempDir()
	opt.Full, opt.Clean = filepath.Join(dir, full), filepath.Join(dir, clean)
	if _, err := Prepare(context.Background(), opt); err != nil {
		t.Fatal(err)
	}
	want := filepath.Dir(meta)
	for _, name := range []string{full, clean} {
		sameFile(t, filepath.Join(dir, name), filepath.Join(want, name))
	}
	sameFile(t, filepath.Join(dir, filepath.Base(meta)), meta)
}
