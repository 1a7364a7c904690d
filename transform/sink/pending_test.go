package sink_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/transform/sink"
)

// TestPendingFolder: a folder has its name only when it is whole.
func TestPendingFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	f, err := sink.NewPendingFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.Hidden(), "a"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before Close: %v", err)
	}
	f.Abort()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("after Abort: %v", left)
	}
	if err := os.Mkdir(path, 0o755); err != nil { // an empty one is taken
		t.Fatal(err)
	}
	if f, err = sink.NewPendingFolder(path + string(filepath.Separator)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.Hidden(), "a"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if data, err := os.ReadFile(filepath.Join(path, "a")); err != nil || string(data) != "a" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := sink.NewPendingFolder(path); err == nil {
		t.Error("a folder with files was begun again")
	}
	if _, err := sink.NewPendingFolder(filepath.Join(dir, "no", "out")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: error %v", err)
	}
}

// TestWriteFile: what was there stays until the new file is whole, and a
// device is written to as it is.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, text := range []string{"one", "two"} {
		if err := sink.WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != text {
			t.Errorf("%q, %v", data, err)
		}
	}
	if err := sink.WriteFile(os.DevNull, []byte("x")); err != nil {
		t.Errorf("to a device: %v", err)
	}
	if err := sink.WriteFile(dir, nil); err == nil {
		t.Error("a folder was written to")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
