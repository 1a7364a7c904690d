package lake_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/pcapio/store"
	"github.com/pcapline/pcapline/pcapio/store/storetest"
	"github.com/pcapline/pcapline/transform/lake"
)

// objects are the names of all objects of a store.
func objects(t *testing.T, st store.Store) (names []string) {
	t.Helper()
	for o, err := range st.List(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, o.Name)
	}
	return names
}

// shown are a lake's files as a mirror should have them.
func shown(t *testing.T, l *lake.Lake) (names []string) {
	t.Helper()
	for name := range files(t, l.Root) {
		names = append(names, filepath.ToSlash(name))
	}
	slices.Sort(names)
	return names
}

// TestBucket: captures in a bucket give the bytes that they give on this machine,
// and a mirror in it has the lake's files.
func TestBucket(t *testing.T) {
	storetest.Start(t, false)
	ctx := context.Background()
	captures, err := store.Open("s3://" + storetest.Bucket + "/captures")
	if err != nil {
		t.Fatal(err)
	}
	dir := corpus(t)
	for name, text := range files(t, dir) {
		if err := captures.Put(ctx, name, strings.NewReader(text), store.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	cfg := config()
	cfg.Shard = "10MB" // what is in a bucket is not cut
	local, remote := newLake(t), newLake(t)
	batch(t, local, lake.Sources{Corpus: []string{dir}}, cfg)
	from := lake.Sources{Corpus: []string{captures.String()}}
	batch(t, remote, from, cfg)
	sameFiles(t, files(t, remote.Root), files(t, local.Root))
	if made := batch(t, remote, from, cfg); len(made) != 0 {
		t.Errorf("a second batch made %d runs", len(made))
	}
	to, err := store.Open("s3://" + storetest.Bucket + "/lake")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, 0} {
		if copied, err := remote.Mirror(ctx, to); err != nil || len(copied) != want {
			t.Errorf("mirror %d: copied %v, %v", i, copied, err)
		}
	}
	if got, want := objects(t, to), shown(t, remote); !slices.Equal(got, want) {
		t.Errorf("objects %v, want %v", got, want)
	}
	for name, text := range files(t, remote.Root) {
		r, err := to.Open(ctx, filepath.ToSlash(name), 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != text {
			t.Errorf("%s has other bytes there: %v", name, err)
		}
		r.Close()
	}
}

// failing is a store that fails after some puts.
type failing struct {
	store.Store
	left int
}

var errFull = errors.New("no room")

func (f *failing) Put(ctx context.Context, name string, r io.ReadSeeker, opt store.PutOptions) error {
	if f.left--; f.left < 0 {
		return errFull
	}
	return f.Store.Put(ctx, name, r, opt)
}

// TestMirrorInterrupted: the manifest comes last, whenever a mirror is cut off;
// what was compacted replaces what was.
func TestMirrorInterrupted(t *testing.T) {
	dir := t.TempDir()
	joined(t, filepath.Join(dir, "a.pcap"), labCaptures()[2:]...)
	l := newLake(t)
	m := batch(t, l, lake.Sources{Corpus: []string{dir}}, config())[0]
	ctx := context.Background()
	place, err := store.Open(filepath.Join(t.TempDir(), "mirror"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(m.Outputs) + 1 {
		if _, err := l.Mirror(ctx, &failing{place, 1}); n < len(m.Outputs) && !errors.Is(err, errFull) {
			t.Fatalf("put %d: %v", n, err)
		}
		has := slices.ContainsFunc(objects(t, place), func(name string) bool { return strings.HasSuffix(name, lake.ManifestName) })
		if has != (n == len(m.Outputs)) {
			t.Errorf("after %d of %d puts there is a manifest: %v", n+1, len(m.Outputs)+1, has)
		}
	}
	if _, err := l.Compact(ctx, m.Run); err != nil {
		t.Fatal(err)
	}
	if copied, err := l.Mirror(ctx, place); err != nil || len(copied) != 1 {
		t.Errorf("after compaction: %v, %v", copied, err)
	}
	if got, want := objects(t, place), shown(t, l); !slices.Equal(got, want) {
		t.Errorf("objects %v, want %v", got, want)
	}
	manifest, err := os.ReadFile(filepath.Join(l.Dir(m.Run), lake.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	r, err := place.Open(ctx, "run="+m.Run+"/"+lake.ManifestName, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, _ := io.ReadAll(r); !bytes.Equal(got, manifest) {
		t.Error("the mirror has another manifest")
	}
}
