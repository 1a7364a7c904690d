package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// world is a folder with the files that examples name, in which they are run
// by a shell.
type world struct {
	dir, bin string
	env      []string // more of the environment
}

// newWorld fills a folder: a few captures of the lab where the bundled ones
// would be, and what testdata/world holds beside them.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), bin: t.TempDir()}
	self, err := os.Executable()
	ok(t, err)
	ok(t, os.Symlink(self, filepath.Join(w.bin, "pcapline")))
	ok(t, os.CopyFS(w.dir, os.DirFS("testdata/world")))
	bundled, err := filepath.Abs("../../testdata")
	ok(t, err)
	ok(t, os.MkdirAll(w.path("testdata/lab"), 0o755))
	ok(t, os.Mkdir(w.path("captures"), 0o755))
	for _, name := range []string{"scan_syn", "scan_udp", "web_sqli"} {
		packed := filepath.Join(bundled, "lab", name+".pcapng.zst")
		ok(t, os.Symlink(packed, w.path("testdata/lab/"+name+".pcapng.zst")))
		unpack(t, packed, w.path("captures/"+name+".pcapng"))
	}
	for from, to := range map[string]string{
		"lab/truth.csv":                            "testdata/lab/truth.csv",
		"lab/web_sqli.pcapng.zst":                  "capture.pcapng.zst",
		"antinex":                                  "testdata/antinex",
		"antinex/v1_two_class_made_up.csv":         "v1_django_cleaned.csv",
		"antinex/all_layers.nested.json":           "packets-netdata-2018-01-29-11-30-02.json",
		"antinex/v1_django_cleaned_attack_cut.csv": "attack.csv",
	} {
		ok(t, os.Symlink(filepath.Join(bundled, from), w.path(to)))
	}
	requests, err := filepath.Abs("../../train/antinex/testdata")
	ok(t, err)
	ok(t, os.Symlink(requests, w.path("requests")))
	ok(t, os.Symlink("v1_django_cleaned.csv", w.path("benign.csv")))
	ok(t, os.Symlink("testdata/lab/truth.csv", w.path("truth.csv")))
	ok(t, os.Symlink("captures/web_sqli.pcapng", w.path("capture.pcapng")))
	ok(t, os.Symlink("captures/web_sqli.pcapng", w.path("capture.pcap")))
	return w
}

// copy is a world of its own with the same files.
func (w *world) copy(t *testing.T) *world {
	t.Helper()
	to := t.TempDir()
	ok(t, exec.Command("cp", "-a", w.dir+"/.", to).Run())
	return &world{dir: to, bin: w.bin, env: w.env}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// patience is how long a script may take, in seconds.
const patience = "120"

// sh runs a script by bash, which ends at the first command that fails, and
// gives what it printed and its exit status.
func (w *world) sh(script string) (string, int) {
	cmd := exec.Command("timeout", "--kill-after=5", patience, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "PATH="+w.bin+":"+os.Getenv("PATH"), "HOME="+w.dir, "NO_COLOR=1")
	cmd.Env = append(cmd.Env, w.env...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		return err.Error(), -1
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// must is sh of what has to end with status 0.
func (w *world) must(t *testing.T, script string) {
	t.Helper()
	if out, code := w.sh(script); code != 0 {
		t.Fatalf("%s\nends with %d:\n%s", script, code, out)
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	ok(t, err)
	defer in.Close()
	z, err := zstd.NewReader(in)
	ok(t, err)
	defer z.Close()
	out, err := os.Create(to)
	ok(t, err)
	_, err = io.Copy(out, z)
	ok(t, err)
	ok(t, out.Close())
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// needsTools skips the test where a program is missing.
func needsTools(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

// linesOf are the lines of a text that hold something.
func linesOf(text string) []string {
	var found []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			found = append(found, line)
		}
	}
	return found
}
