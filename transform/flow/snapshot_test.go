package flow

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// saidBy gives some digests something to say.
func saidBy(ds []Digest) {
	for i := range ds {
		if i%3 == 0 {
			ds[i].App = &App{Name: "http", HTTPMethod: "GET", HTTPURI: strings.Repeat("u", i%300), HTTPStatus: uint16(i % 600)}
		}
		ds[i].Hash = uint64(i%50+1)<<8 | uint64(i%2)
	}
}

// A table that is saved and restored after any packet goes on as if nothing
// had been: rows, early rows, places and ledger are the same.
func TestSaveAndRestoreChangeNothing(t *testing.T) {
	configs := []Config{
		{}, {Span: true}, smallLimits, {Reorder: 100 * time.Second}, {DropDuplicates: true, DupWindow: time.Hour},
		{Early: 3, EarlyTime: 10 * time.Second, Span: true}, {IDsOnly: true}, {Span: true, MaxFlows: 7, MaxPairs: 40, MaxEvents: 50},
	}
	for c, cfg := range configs {
		for seed := range uint64(3) {
			ds := randomDigests(seed, 400)
			saidBy(ds)
			for i := range ds {
				ds[i].File = int32(i / 150)
			}
			want := journey(t, cfg, ds, nil)
			r := rand.New(rand.NewPCG(seed, 5))
			var stops []int
			for range 4 {
				stops = append(stops, r.IntN(len(ds)))
			}
			if got := journey(t, cfg, ds, stops); got != want {
				t.Fatalf("config %d, seed %d: stops after %v change something:\n%s\n%s", c, seed, stops, got, want)
			}
		}
	}
}

// journey gives all that comes out of a table as text; at the stops it is
// saved and another one goes on.
func journey(t *testing.T, cfg Config, ds []Digest, stops []int) string {
	t.Helper()
	var full, early collector
	cfg.Rows, cfg.EarlyRows = full.take, early.take
	var places []Member
	table := NewTable(cfg)
	for i := range ds {
		if slices.Contains(stops, i) {
			var file bytes.Buffer
			if err := table.Save(&file, fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
			next, note, err := Restore(&file, cfg)
			if err != nil || string(note) != fmt.Sprint(i) {
				t.Fatal(string(note), err)
			}
			table = next
		}
		places = append(places, table.Add(&ds[i]))
	}
	if err := table.Finish(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%v\n%v\n%v\n%+v", full.rows, early.rows, places, table.Stats())
}

func FuzzSaveAndRestore(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdefFEDCBA9876543210"), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, stop uint8) {
		ds := digestsFrom(data[:min(len(data), 16*100)])
		saidBy(ds)
		cfg := smallLimits
		cfg.Early, cfg.EarlyTime, cfg.DropDuplicates, cfg.Reorder = 2, time.Second, true, time.Millisecond
		if journey(t, cfg, ds, nil) != journey(t, cfg, ds, []int{int(stop)}) {
			t.Fatal("a stop changes something")
		}
	})
}

// What is saved depends on the packets alone.
func TestSavedBytesAreReproducible(t *testing.T) {
	ds := randomDigests(1, 500)
	saidBy(ds)
	save := func() []byte {
		table := NewTable(smallLimits)
		for i := range ds {
			ds[i].File = int32(i / 200)
			table.Add(&ds[i])
		}
		var b bytes.Buffer
		if err := table.Save(&b, nil); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if !bytes.Equal(save(), save()) {
		t.Error("two tables of the same packets are saved with other bytes")
	}
}

func TestRestoreRefuses(t *testing.T) {
	table := NewTable(Config{})
	for _, d := range connection(0) {
		table.Add(&d)
	}
	var b bytes.Buffer
	if err := table.Save(&b, []byte("note")); err != nil {
		t.Fatal(err)
	}
	good := b.Bytes()
	if _, _, err := Restore(bytes.NewReader(good), Config{BatchRows: 5}); err != nil {
		t.Error(err)
	}
	_, _, err := Restore(bytes.NewReader(good), Config{IdleTimeout: time.Minute})
	if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "IdleTimeout=2m0s, now IdleTimeout=1m0s") {
		t.Error(err)
	}
	for i := range good {
		if _, _, err := Restore(bytes.NewReader(good[:i]), Config{}); !errors.Is(err, ErrState) {
			t.Fatalf("cut off at %d: %v", i, err)
		}
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if _, _, err := Restore(bytes.NewReader(bad), Config{}); !errors.Is(err, ErrState) {
			t.Fatalf("byte %d is another: %v", i, err)
		}
	}
}

// All kinds of values come back as they were, also cut off without a panic.
func TestLayout(t *testing.T) {
	ds := randomDigests(9, 50)
	saidBy(ds)
	l := layoutOf[Digest]()
	for i := range ds {
		var p packer
		p.put(l, unsafe.Pointer(&ds[i]))
		var got Digest
		u := unpacker{buf: p.buf}
		u.get(l, unsafe.Pointer(&got))
		if u.err != nil || len(u.buf) > 0 || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", withApp(ds[i], got)) {
			t.Fatalf("%v, %d left\n%+v\n%+v", u.err, len(u.buf), got, ds[i])
		}
		for n := range p.buf {
			u := unpacker{buf: p.buf[:n]}
			u.get(l, unsafe.Pointer(&got))
			if u.err == nil {
				t.Fatalf("cut off at %d is no error", n)
			}
		}
	}
}

// withApp is d with the place in memory of got's App, if they are equal.
func withApp(d, got Digest) Digest {
	if reflect.DeepEqual(d.App, got.App) {
		d.App = got.App
	}
	return d
}
