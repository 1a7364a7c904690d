package pcapio

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// Seconds and fractions come out in nanoseconds in both orders and units.
func TestPcapVariants(t *testing.T) {
	for _, c := range []struct {
		name  string
		o     order
		magic uint32
		want  int64
		ticks uint64
	}{
		{"micro little", lowFirst, magicMicro, 1_700_000_000_000_123_000, 1e6},
		{"micro big", highFirst, magicMicro, 1_700_000_000_000_123_000, 1e6},
		{"nano little", lowFirst, magicNano, 1_700_000_000_000_000_123, 1e9},
		{"nano big", highFirst, magicNano, 1_700_000_000_000_000_123, 1e9},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := append(pcapHeader(c.o, c.magic, 96, 276), pcapRecord(c.o, 1_700_000_000, 123, 70, payload(1, 60))...)
			r := open(t, file, Options{})
			f := r.File()
			if f.Format != "pcap" || f.Version != "2.4" || len(f.Interfaces) != 1 || f.Interfaces[0].TicksPerSecond != c.ticks || f.Interfaces[0].SnapLen != 96 {
				t.Errorf("file is %+v", f)
			}
			got, err := readAll(r)
			if err != nil || len(got) != 1 {
				t.Fatalf("%d packets, %v", len(got), err)
			}
			p := got[0]
			if p.Time != c.want || p.WireLen != 70 || p.LinkType != LinkSLL2 || p.Number != 1 || p.Offset != 24 || !bytes.Equal(p.Data, payload(1, 60)) {
				t.Errorf("packet is %+v", p)
			}
		})
	}
}

// Seconds are unsigned: times go to 2106.
func TestPcapLateTime(t *testing.T) {
	file := append(pcapHeader(lowFirst, magicMicro, 0, 1), pcapRecord(lowFirst, 1<<32-1, 999_999, 0, nil)...)
	got, err := readAll(open(t, file, Options{}))
	if err != nil || len(got) != 1 || got[0].Time != (1<<32-1)*second+999_999_000 {
		t.Fatalf("%v, %v", got, err)
	}
}

// Snaplen says nothing about what is in the file.
func TestPcapSnapLen(t *testing.T) {
	for _, snap := range []uint32{0, 10, 1<<32 - 1} {
		file := append(pcapHeader(lowFirst, magicMicro, snap, 1), pcapRecord(lowFirst, 1, 2, 300_000, payload(1, 300_000))...)
		file = append(file, pcapRecord(lowFirst, 1, 3, 5, payload(2, 5))...)
		for _, opt := range []Options{{}, {BlockBytes: 100}} {
			got, err := readBlocks(t, open(t, file, opt))
			if err != nil || len(got) != 2 || len(got[0].Data) != 300_000 || !bytes.Equal(got[1].Data, payload(2, 5)) {
				t.Fatalf("snaplen %d: %d packets, %v", snap, len(got), err)
			}
		}
	}
}

// A length beyond MaxPacket is damage, not a reason to allocate.
func TestPcapMaxPacket(t *testing.T) {
	file, ends := smallPcap(3)
	bad := pcapRecord(lowFirst, 1, 2, 3, nil)
	lowFirst.PutUint32(bad[8:], 1<<32-1)
	file = append(file, bad...)
	got, err := readAll(open(t, file, Options{}))
	if len(got) != 3 {
		t.Fatalf("%d packets, want 3", len(got))
	}
	formatError(t, err, ErrCorrupt, 4, int64(ends[2]))

	file = append(pcapHeader(lowFirst, magicMicro, 0, 1), pcapRecord(lowFirst, 1, 2, 100, payload(1, 100))...)
	if _, err := readAll(open(t, file, Options{MaxPacket: 99})); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a packet of 100 bytes with MaxPacket 99: %v", err)
	}
	if _, err := readAll(open(t, file, Options{MaxPacket: 100})); err != nil {
		t.Errorf("a packet of 100 bytes with MaxPacket 100: %v", err)
	}
}

func TestPcapKuznetzov(t *testing.T) {
	for _, o := range []order{lowFirst, highFirst} {
		file := pcapHeader(o, magicKuznetzov, 65535, 1)
		for _, kind := range []byte{0, 1, 4, 7} {
			rec := pcapRecord(o, 5, 6, 9, nil)
			o.PutUint32(rec[8:], 9)
			rec = append(rec, 0, 0, 0, 2, 8, 0, kind, 0)
			file = append(append(file, rec...), payload(int(kind), 9)...)
		}
		got, err := readAll(open(t, file, Options{}))
		if err != nil || len(got) != 4 {
			t.Fatalf("%d packets, %v", len(got), err)
		}
		for i, want := range []Direction{Inbound, Inbound, Outbound, Unknown} {
			if got[i].Direction != want || len(got[i].Data) != 9 || got[i].Time != 5*second+6000 {
				t.Errorf("packet %d is %+v, want direction %d", i, got[i], want)
			}
		}
	}
}

// Before version 2.3 the two lengths were exchanged.
func TestPcapVersions(t *testing.T) {
	for _, c := range []struct {
		major, minor  uint16
		first, second uint32 // the lengths as they stand in the record; the packet has 4 bytes
		err           error
	}{
		{2, 4, 4, 9, nil},
		{2, 5, 4, 9, nil}, // as Wireshark has it
		{2, 3, 4, 9, nil},
		{2, 3, 9, 4, nil},
		{2, 2, 9, 4, nil},
		{543, 0, 9, 4, nil},
		{1, 4, 4, 9, ErrUnsupported},
		{3, 0, 4, 9, ErrUnsupported},
	} {
		t.Run(fmt.Sprintf("%d.%d", c.major, c.minor), func(t *testing.T) {
			file := pcapHeader(lowFirst, magicMicro, 65535, 1)
			lowFirst.PutUint16(file[4:], c.major)
			lowFirst.PutUint16(file[6:], c.minor)
			rec := pcapRecord(lowFirst, 1, 2, c.second, payload(3, 4))
			lowFirst.PutUint32(rec[8:], c.first)
			r, err := NewReader(bytes.NewReader(append(file, rec...)), "x.pcap", Options{})
			if c.err != nil {
				formatError(t, err, c.err, 0, 0)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(r)
			if err != nil || len(got) != 1 || len(got[0].Data) != 4 || got[0].WireLen != 9 {
				t.Fatalf("%+v, %v", got, err)
			}
		})
	}
}

// The linktype field holds more than a link type.
func TestPcapLinkTypeField(t *testing.T) {
	for _, c := range []struct {
		field uint32
		link  LinkType
		fcs   int
		err   error
	}{
		{1, 1, 0, nil},
		{0x30000001, 1, 0, nil}, // length without the bit that it counts
		{0x24000001, 1, 4, nil},
		{0x24000114, 276, 4, nil},
		{0x00300000, 0, 0, ErrUnsupported},
	} {
		r, err := NewReader(bytes.NewReader(pcapHeader(lowFirst, magicMicro, 0, c.field)), "x", Options{})
		if c.err != nil {
			formatError(t, err, c.err, 0, 0)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if i := r.File().Interfaces[0]; i.LinkType != c.link || i.FCSLen != c.fcs {
			t.Errorf("%#x: %+v, want link type %d, %d bytes of FCS", c.field, i, c.link, c.fcs)
		}
	}
}

func TestNotACapture(t *testing.T) {
	for _, c := range []struct {
		name, data string
		err        error
	}{
		{"nothing", "", ErrEmpty},
		{"text", "time,src,dst\n", ErrNotCapture},
		{"one byte of text", "t", ErrNotCapture},
		{"binary", "\x7fELF\x02\x01\x01", ErrNotCapture},
		{"start of a magic number", "\xd4\xc3", ErrTruncated},
		{"start of a section", "\x0a\x0d\x0d", ErrTruncated},
		{"magic number", "\xd4\xc3\xb2\xa1", ErrTruncated},
		{"section type", "\x0a\x0d\x0d\x0a", ErrTruncated},
		{"bzip2", "BZh91AY&SY", ErrNotCapture},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewReader(bytes.NewReader([]byte(c.data)), "x", Options{})
			formatError(t, err, c.err, 0, 0)
			_, err = Open(writeFile(t, "x.pcap", []byte(c.data)), Options{})
			formatError(t, err, c.err, 0, 0)
		})
	}
	if _, err := Open(t.TempDir(), Options{}); err == nil {
		t.Error("a folder opened")
	}
}
