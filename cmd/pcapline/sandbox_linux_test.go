package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSandbox locks a process of its own in and looks at what it may still do.
func TestSandbox(t *testing.T) {
	const inside = "PCAPLINE_TEST_SANDBOX"
	if dir := os.Getenv(inside); dir != "" {
		lockedIn(t, dir)
		return
	}
	// Its version; see landlock_create_ruleset(2).
	if version, _, errno := syscall.Syscall(444, 0, 0, 1); errno != 0 {
		t.Skipf("this kernel has no Landlock (version %d: %v)", version, errno)
	}
	dir := t.TempDir()
	for _, d := range []string{"readable", "writable", "other"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, d, "file"), []byte(d), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSandbox$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+dir, "TMPDIR="+filepath.Join(dir, "writable")) // which is cleared at the end
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func lockedIn(t *testing.T, dir string) {
	t.Helper()
	path := func(d string) string { return filepath.Join(dir, d, "file") }
	open, err := os.Open(path("other"))
	if err != nil {
		t.Fatal(err)
	}
	if err := sandbox([]string{filepath.Join(dir, "readable")}, []string{filepath.Join(dir, "writable"), filepath.Join(dir, "missing")}); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"readable", "writable"} {
		if _, err := os.ReadFile(path(d)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.ReadFile(path("other")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("another file can be read: %v", err)
	}
	for d, allowed := range map[string]bool{"readable": false, "writable": true, "other": false} {
		err := os.WriteFile(path(d)+".new", nil, 0o640)
		if allowed && err == nil {
			err = os.Rename(path(d)+".new", path(d))
		}
		if allowed != (err == nil) || err != nil && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", d, err)
		}
	}
	b := make([]byte, 5)
	if _, err := open.Read(b); err != nil || string(b) != "other" {
		t.Errorf("what was open: %q, %v", b, err)
	}
}
