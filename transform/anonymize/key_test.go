package anonymize

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func mustHex(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKeyFiles: a key is read from a file that only its owner may read.
func TestKeyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	k, err := NewKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", st.Mode(), err)
	}
	if again, err := ReadKey(path); err != nil || again != k {
		t.Errorf("read back another key, %v", err)
	}
	if _, err := NewKey(path); err == nil {
		t.Error("a key was overwritten")
	}
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o660} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadKey(path); err == nil || !strings.Contains(err.Error(), "0600") {
			t.Errorf("mode %o: error %v", mode, err)
		}
	}
}

// TestKeysAreNotPrinted: neither by a verb, nor as JSON, nor in an error.
func TestKeysAreNotPrinted(t *testing.T) {
	k := testOptions(t).Key
	b, err := json.Marshal(map[string]any{"key": k})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%x %#v %+v %d %q", k, k, k, k, k), fmt.Sprintf("%v", Options{Key: k}), string(b)} {
		if strings.Contains(text, "1522178d") || strings.Contains(text, "21 34") || strings.Contains(text, "0x15") {
			t.Errorf("printed: %s", text)
		}
	}
	for _, wrong := range []string{"", "1522178d", sampleKey + "00", strings.Replace(sampleKey, "1522", "15zz", 1), strings.Repeat("0", 64)} {
		_, err := ParseKey(wrong)
		if err == nil || len(wrong) > 3 && strings.Contains(err.Error(), wrong[:4]) || strings.Contains(fmt.Sprint(err), "zz") {
			t.Errorf("%q: error %v", wrong, err)
		}
	}
}
