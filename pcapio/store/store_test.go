package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio/store/storetest"
)

// TestContract holds every kind of store to what [Store] promises.
func TestContract(t *testing.T) {
	t.Run("folder", func(t *testing.T) { contract(t, open(t, t.TempDir())) })
	t.Run("file URL", func(t *testing.T) { contract(t, open(t, "file://"+filepath.ToSlash(t.TempDir())+"/not/yet")) })
	t.Run("bucket", func(t *testing.T) {
		storetest.Start(t, false)
		contract(t, open(t, "s3://"+storetest.Bucket))
	})
	t.Run("bucket below a prefix, TLS", func(t *testing.T) {
		storetest.Start(t, true)
		contract(t, open(t, "s3://"+storetest.Bucket+"/some/prefix"))
	})
}

func open(t *testing.T, place string) Store {
	t.Helper()
	s, err := Open(place)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func contract(t *testing.T, s Store) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if got := list(t, s, ""); len(got) != 0 {
		t.Fatalf("an empty store lists %v", got)
	}
	objects := map[string][]byte{
		"a/x": []byte("ax"), "a-b/x": []byte("abx"), "a": nil, "deep/er/still/ä ü+&=?#%.bin": []byte("0123456789"),
		"empty": {}, "big": noise(partSize*2 + 12345),
	}
	delete(objects, "a") // a folder cannot be a file's name as well
	for name, data := range objects {
		if err := s.Put(ctx, name, bytes.NewReader(data), PutOptions{IfAbsent: name == "big"}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"a-b/x", "a/x", "big", "deep/er/still/ä ü+&=?#%.bin", "empty"}
	if got := list(t, s, ""); !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	if got := list(t, s, "a/"); !slices.Equal(got, []string{"a/x"}) {
		t.Errorf("below a/: %q", got)
	}
	if got := list(t, s, "de"); len(got) != 1 {
		t.Errorf("beginning with de: %q", got)
	}
	for name, data := range objects {
		if got := read(t, s, name, 0, -1); !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes came back of %d", name, len(got), len(data))
		}
		if o, err := s.Stat(ctx, name); err != nil || o.Size != int64(len(data)) || o.Name != name || o.Modified.IsZero() {
			t.Errorf("stat %s: %+v, %v", name, o, err)
		}
	}
	ranges(t, s, "deep/er/still/ä ü+&=?#%.bin")
	replacing(t, ctx, s)
	absence(t, ctx, s)
	fetching(t, ctx, s, objects["big"])
	race(t, ctx, s)
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func list(t *testing.T, s Store, prefix string) (names []string) {
	t.Helper()
	for o, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, o.Name)
	}
	return names
}

func read(t *testing.T, s Store, name string, offset, length int64) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), name, offset, length)
	if err != nil {
		t.Fatalf("%s from %d: %v", name, offset, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ranges(t *testing.T, s Store, name string) {
	t.Helper()
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{3, 4, "3456"}, {8, 10, "89"}, {4, -1, "456789"}, {0, 1, "0"}, {5, 0, ""}, {10, -1, ""}, {99, 5, ""}} {
		if got := string(read(t, s, name, c.offset, c.length)); got != c.want {
			t.Errorf("%d bytes from %d are %q, want %q", c.length, c.offset, got, c.want)
		}
	}
}

func replacing(t *testing.T, ctx context.Context, s Store) {
	t.Helper()
	err := s.Put(ctx, "a/x", strings.NewReader("other"), PutOptions{IfAbsent: true})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("an object that is there was put if absent: %v", err)
	}
	if got := string(read(t, s, "a/x", 0, -1)); got != "ax" {
		t.Errorf("it became %q", got)
	}
	if err := s.Put(ctx, "big", strings.NewReader("smaller"), PutOptions{IfAbsent: true}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a big object that is there was put if absent: %v", err)
	}
	if err := s.Put(ctx, "a/x", strings.NewReader("new"), PutOptions{}); err != nil {
		t.Error(err)
	}
	if got := string(read(t, s, "a/x", 0, -1)); got != "new" {
		t.Errorf("it became %q", got)
	}
}

func absence(t *testing.T, ctx context.Context, s Store) {
	t.Helper()
	if _, err := s.Stat(ctx, "not/there"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: %v", err)
	}
	if _, err := s.Open(ctx, "not/there", 0, -1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	for range 2 {
		if err := s.Delete(ctx, "empty"); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if _, err := s.Stat(ctx, "empty"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a deleted object: %v", err)
	}
	for _, name := range []string{"", ".", "/etc/passwd", "../up", "a/../../up", "a//b", `a\b`, "a/", "c:x", "a\nb", ".x.1.part"} {
		if err := s.Put(ctx, name, strings.NewReader("x"), PutOptions{}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q as a name: %v", name, err)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Put(cancelled, "never", strings.NewReader("x"), PutOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("put with a context that ended: %v", err)
	}
}

func fetching(t *testing.T, ctx context.Context, s Store, want []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "big")
	if err := Fetch(ctx, s, "big", path); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("fetched %d bytes of %d, %v", len(got), len(want), err)
	}
	if err := Fetch(ctx, s, "not/there", path+"2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("fetched what is not there: %v", err)
	}
	if err := PutFile(ctx, s, "copies/big", path, PutOptions{}); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// race has several put one object if it is absent.
func race(t *testing.T, ctx context.Context, s Store) {
	t.Helper()
	errs := make([]error, 4)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			errs[i] = s.Put(ctx, "raced", strings.NewReader(fmt.Sprint(i)), PutOptions{IfAbsent: true})
		})
	}
	group.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
			if got := string(read(t, s, "raced", 0, -1)); got != fmt.Sprint(i) {
				t.Errorf("%d put it, but it is %q", i, got)
			}
		case !errors.Is(err, fs.ErrExist):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d put what only one may: %v", won, len(errs), errs)
	}
}

func TestOpenRefuses(t *testing.T) {
	for place, want := range map[string]string{
		"":                                        "no place",
		"ftp://host/x":                            "no scheme",
		"s3://AKIA:hushhush@bucket/x":             "belong in the environment",
		"s3://AKIA:hush/hush@bucket/x":            "belong in the environment",
		"s3://bucket?endpoint=https://u:p@h":      "without credentials",
		"s3://bucket?endpoint=ftp://h":            "https://host",
		"s3://bucket?endpoint=https://h/path":     "no path",
		"s3://bucket?secret=hushhush":             "only endpoint and region",
		"s3://bucket/../other":                    "invalid",
		"file://otherhost/x":                      "absolute path",
		"s3://bucket/x?endpoint=https://h:notone": "https://host",
	} {
		_, err := Open(place)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want …%s…", place, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "u:p")) {
			t.Errorf("%s: the error tells the secret: %v", place, err)
		}
	}
}

func TestServersErrors(t *testing.T) {
	server := storetest.Start(t, false)
	ctx := t.Context()
	for _, err := range open(t, "s3://no-such-bucket").List(ctx, "") {
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no such bucket") {
			t.Errorf("list: %v", err)
		}
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong-hushhush")
	err := open(t, "s3://"+storetest.Bucket).Put(ctx, "x", strings.NewReader("x"), PutOptions{})
	if err == nil || !strings.Contains(err.Error(), "403") || strings.Contains(err.Error(), "hushhush") || len(storetest.Secrets(err.Error())) > 0 {
		t.Errorf("a wrong secret: %v", err)
	}
	if _, err := os.Stat(filepath.Join(server.Dir, "x")); err == nil {
		t.Error("it was put all the same")
	}
}

func TestCertificateIsVerified(t *testing.T) {
	storetest.Start(t, true)
	t.Setenv("AWS_CA_BUNDLE", "")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := open(t, "s3://"+storetest.Bucket).Put(ctx, "x", strings.NewReader("x"), PutOptions{})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
}

// TestConfirmation changes what the server holds behind its back.
func TestConfirmation(t *testing.T) {
	server := storetest.Start(t, false)
	s := open(t, "s3://"+storetest.Bucket).(*bucket)
	if err := s.Put(t.Context(), "x", strings.NewReader("right"), PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.confirm(t.Context(), "x", sum{5, 1}); !errors.Is(err, ErrNotConfirmed) {
		t.Errorf("another checksum: %v", err)
	}
	if err := os.WriteFile(filepath.Join(server.Dir, "x"), []byte("wrong"), 0o644); err != nil {
		t.Fatal(err)
	}
	want, _ := sumOf(t.Context(), strings.NewReader("right"))
	if err := readBack(t.Context(), s, "x", want); !errors.Is(err, ErrNotConfirmed) {
		t.Errorf("other bytes: %v", err)
	}
}

// TestKilledWhilePutting kills a process that puts; what it put is whole or
// not there.
func TestKilledWhilePutting(t *testing.T) {
	if place := os.Getenv("PCAPLINE_TEST_PUT"); place != "" {
		err := open(t, place).Put(t.Context(), "big", bytes.NewReader(noise(8*partSize)), PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	kinds := map[string]func(*testing.T) string{
		"folder": func(t *testing.T) string { return t.TempDir() },
		"bucket": func(t *testing.T) string { storetest.Start(t, false); return "s3://" + storetest.Bucket },
	}
	for kind, place := range kinds {
		t.Run(kind, func(t *testing.T) {
			place := place(t)
			for _, after := range []time.Duration{50, 150, 300, 500} {
				cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWhilePutting$")
				cmd.Env = append(os.Environ(), "PCAPLINE_TEST_PUT="+place)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(after * time.Millisecond)
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				for _, name := range list(t, open(t, place), "") {
					if got := read(t, open(t, place), name, 0, -1); !bytes.Equal(got, noise(8*partSize)) {
						t.Errorf("after %d ms: %s of %d bytes", after, name, len(got))
					}
				}
			}
		})
	}
}
