package pcapio

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The generator's captures hold what their .txt files say.
func TestBundledSuite(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "suite_*.pcapng"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no captures", err)
	}
	for _, path := range paths {
		checkSuite(t, path, strings.Split(strings.TrimSuffix(filepath.Base(path), ".pcapng"), "_")[2])
	}
}

func TestWholeSuite(t *testing.T) {
	root := shared(t, "captures", "pcapng-suite")
	n := 0
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".pcapng" {
			n++
			checkSuite(t, path, strings.TrimSuffix(filepath.Base(path), ".pcapng"))
		}
		return err
	})
	if err != nil || n != 48 {
		t.Errorf("%d captures, want 48, %v", n, err)
	}
}

func checkSuite(t *testing.T, path, name string) {
	t.Helper()
	want, err := suiteCounts(strings.TrimSuffix(path, ".pcapng") + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(path, Options{})
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Close()
	packets, err := readAll(r)
	if err != nil {
		t.Error(err)
	}
	f := r.File()
	c := f.Blocks
	got := map[string]int64{}
	for k, v := range map[string]int64{
		"SHB": c.Section, "IDB": c.Interface, "EPB": c.Enhanced, "SPB": c.Simple, "PB": c.Packet,
		"NRB": c.Names, "ISB": c.Statistics, "CB": c.Custom, "DCB": c.CustomNoCopy, "other": c.Unknown + c.Secrets,
	} {
		if v != 0 {
			got[k] = v
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: blocks %v, want %v", path, got, want)
	}
	if n := want["EPB"] + want["SPB"]; int64(len(packets)) != n || f.Packets != n {
		t.Errorf("%s: %d packets, want %d", path, len(packets), n)
	}
	if int64(len(f.Interfaces)) != want["IDB"] || int64(len(f.Sections)) != want["SHB"] {
		t.Errorf("%s: %d interfaces in %d sections", path, len(f.Interfaces), len(f.Sections))
	}
	if len(f.Comments) == 0 || !strings.HasPrefix(f.Comments[0], name) {
		t.Errorf("%s: comments %q, the first should be %q", path, f.Comments, name)
	}
	order := "little"
	if strings.Contains(path, "_be") {
		order = "big"
	}
	if f.Sections[0].ByteOrder != order {
		t.Errorf("%s: first section is %s endian", path, f.Sections[0].ByteOrder)
	}
}

// suiteCounts reads the block counts of a .txt file.
func suiteCounts(path string) (map[string]int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	counts := map[string]int64{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var typ string
		var n int64
		if k, _ := fmt.Sscanf(lines.Text(), "\t%s %d", &typ, &n); k == 2 {
			counts[strings.TrimSuffix(typ, ":")] = n
		}
	}
	return counts, lines.Err()
}

// Every shared capture that capinfos takes gives as many packets as it counts;
// the others give an error or more than capinfos knows, and none a panic.
func TestCountsLikeCapinfos(t *testing.T) {
	roots := []string{shared(t, "captures")}
	if !testing.Short() {
		roots = append(roots, shared(t, "lab"))
	}
	paths, err := Expand(roots)
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 900 {
		t.Errorf("only %d captures", len(paths))
	}
	theirs := capinfos(t, paths)
	agree := 0
	for _, path := range paths {
		ours := -1
		info, err := Inspect(path, Options{})
		if info != nil {
			ours = int(info.Packets)
		}
		if n, ok := theirs[path]; ok && (n != ours || err != nil) {
			t.Errorf("%s: capinfos has %d packets, we %d, %v", path, n, ours, err)
		} else if ok {
			agree++
		}
	}
	t.Logf("%d captures, %d counted by capinfos, all alike", len(paths), agree)
}

// capinfos counts packets; captures that it does not take to their end are left out.
func capinfos(t testing.TB, paths []string) map[string]int {
	t.Helper()
	tool, err := exec.LookPath("capinfos")
	if err != nil {
		t.Skip("capinfos is not installed")
	}
	var errs strings.Builder
	cmd := exec.Command(tool, append([]string{"-M", "-c", "-T", "-r"}, paths...)...)
	cmd.Stderr = &errs
	out, _ := cmd.Output() // it fails when one of the captures does
	counts := map[string]int{}
	for line := range strings.Lines(string(out)) {
		path, count, _ := strings.Cut(strings.TrimSpace(line), "\t")
		var n int
		if _, err := fmt.Sscan(count, &n); err == nil && !strings.Contains(errs.String(), fmt.Sprintf("%q", path)) {
			counts[path] = n
		}
	}
	if len(counts) == 0 {
		t.Fatalf("capinfos counts nothing: %s", errs.String())
	}
	return counts
}
