package flow

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/pcapline/pcapline/transform/schema"
)

// digestFrom makes a packet of 16 arbitrary bytes, of few hosts and ports so
// that packets meet in flows.
func digestFrom(b []byte, now *int64) Digest {
	step := int64(binary.LittleEndian.Uint16(b))
	switch b[2] & 15 {
	case 0:
		*now += step * 5e6 // up to 328 s
	case 1:
		*now -= step * 1e5 // back, up to 6.5 s
	case 2:
		*now ^= int64(step) << 47
	case 3: // the same time again
	default:
		*now += step * 1e3 // up to 66 ms
	}
	d := Digest{
		Time: *now, EtherType: etherIPv4, TTL: b[3], WireLen: uint32(b[4]) * 13, PayloadLen: uint32(b[5] &^ 3),
		Src: netip.AddrFrom4([4]byte{10, 0, 0, b[6] & 3}), Dst: netip.AddrFrom4([4]byte{10, 0, 0, b[6] >> 2 & 3}),
		SrcPort: uint16(b[7] & 3), DstPort: uint16(b[7] >> 2 & 3), Proto: protoTCP, TCPFlags: uint16(b[8]),
		Seq: uint32(b[9]) << 24, Window: uint16(b[10] & 1), SrcMAC: [6]byte{2, b[10] >> 6}, DNSRcode: -1, HeaderLen: 20,
		Entropy: float32(b[11]) / 16, VLAN: uint16(b[12] >> 7),
	}
	switch b[12] & 15 {
	case 0, 1, 2:
		d.Proto = protoUDP
		d.DNSRcode, d.DNSNameLen = int8(b[8])%8, uint16(b[9])
	case 3:
		d.Proto, d.ICMPType, d.ICMPCode, d.ICMPID = protoICMP, b[8]&15, b[9]&1, uint16(b[10]&1)
	case 4:
		d.Proto, d.EtherType, d.ARPOp = 0, etherARP, uint16(b[8]&3)
	case 5:
		d.Src, d.Dst = netip.Addr{}, netip.Addr{}
		d.EtherType = [4]uint16{etherIPv4, etherARP, 0x88cc, etherIPv6}[b[8]&3]
	case 6:
		d.Fragment, d.FragID, d.FragOffset = true, uint32(b[8]&1), uint16(b[9]&1)*1480
	case 7:
		d.EtherType, d.Proto, d.ICMPType = etherIPv6, protoICMPv6, 128+b[8]&15
		d.Src, d.Dst = netip.AddrFrom16([16]byte{0xfe, 15: b[6] & 1}), netip.AddrFrom16([16]byte{0xfe, 15: b[6] >> 1 & 1})
	case 9:
		d.HeaderLen, d.SrcPort, d.DstPort = 0, 0, 0
	case 8:
		d.Entropy = float32(math.NaN())
	}
	return d
}

func digestsFrom(data []byte) []Digest {
	var ds []Digest
	now := int64(1.7e18)
	for len(data) >= 16 {
		ds = append(ds, digestFrom(data[:16], &now))
		ds[len(ds)-1].Number = int64(len(ds))
		data = data[16:]
	}
	return ds
}

func randomDigests(seed uint64, n int) []Digest {
	r := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, 16*n)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return digestsFrom(data)
}

// invariants checks rows and ledger against each other.
func invariants(t *testing.T, rows []map[string]string, s Stats, ds []Digest) {
	t.Helper()
	var ended, nonFlow int64
	for _, n := range s.Ended {
		ended += n
	}
	for _, n := range s.NonFlow {
		nonFlow += n
	}
	if s.Packets != int64(len(ds)) || s.Packets != s.InFlows+nonFlow || s.Flows != ended || ended != int64(len(rows)) || s.OpenFlows != 0 {
		t.Fatalf("%d packets, %d rows, %+v", len(ds), len(rows), s)
	}
	var want, got [3]int64
	for i := range ds {
		if KeyOf(&ds[i]).Valid() {
			want[0]++
			want[1] += int64(ds[i].WireLen)
			want[2] += int64(ds[i].PayloadLen)
		}
	}
	for _, row := range rows {
		for i, name := range []string{"packets", "bytes", "payload_bytes"} {
			both := number(t, row, "flow_"+name)
			if both != number(t, row, "fwd_"+name)+number(t, row, "bwd_"+name) {
				t.Fatalf("%s do not add up: %v", name, row)
			}
			got[i] += int64(both)
		}
		if number(t, row, "duration") < 0 || number(t, row, "ts_end_ns") < number(t, row, "ts_ns") {
			t.Fatalf("negative duration: %v", row)
		}
		for name, v := range row {
			if v == "NaN" || v == "+Inf" || v == "-Inf" {
				t.Fatalf("%s = %s", name, v)
			}
		}
	}
	if got != want {
		t.Fatalf("packets, bytes, payload in flows: %v, given: %v", got, want)
	}
}

func number(t *testing.T, row map[string]string, name string) float64 {
	t.Helper()
	v, err := parseFloat(row[name])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

var smallLimits = Config{MaxFlows: 5, MaxHosts: 6, MaxEvents: 9, MaxPairs: 7, MaxServices: 3, MaxFragments: 2, Sequence: 3}

func TestCountsAddUp(t *testing.T) {
	for seed := range uint64(8) {
		ds := randomDigests(seed, 500)
		for _, cfg := range []Config{{}, smallLimits, {Reorder: time.Second}, {Sequence: -1, Early: 2}} {
			rows, s := flowsOf(t, cfg, ds)
			invariants(t, rows, s, ds)
		}
	}
}

// Neither the size of batches nor a clock that runs along changes the rows.
func TestBatchesAndClockChangeNothing(t *testing.T) {
	for seed := range uint64(10) {
		ds := randomDigests(seed, 400)
		now := int64(1.7e18)
		for i := range ds { // a clock needs times in order
			now += int64(ds[i].Seq) * 50
			ds[i].Time = now
		}
		want, _ := flowsOf(t, Config{}, ds)
		for _, size := range []int{1, 7} {
			got, _ := flowsOf(t, Config{BatchRows: size}, ds)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("batches of %d rows change rows", size)
			}
		}
		var c collector
		table := NewTable(Config{Rows: c.take})
		r := rand.New(rand.NewPCG(seed, 2))
		for i := range ds {
			before := int64(1.7e18)
			if i > 0 {
				before = ds[i-1].Time
			}
			table.Advance(before + r.Int64N(ds[i].Time-before+1))
			table.Flush()
			table.Add(&ds[i])
		}
		if err := table.Finish(); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(c.rows, want) {
			t.Fatal("the clock changes rows")
		}
	}
}

// Packets that are out of order by less than the window come out as if they
// had come in order.
func TestReorderWindow(t *testing.T) {
	for seed := range uint64(10) {
		ds := randomDigests(seed, 400)
		now := int64(1.7e18)
		for i := range ds {
			now += int64(ds[i].Seq) / 20
			ds[i].Time, ds[i].Number = now, int64(i+1)
		}
		want, _ := flowsOf(t, Config{}, ds)
		shuffled := append([]Digest(nil), ds...)
		r := rand.New(rand.NewPCG(seed, 3))
		const window = 2e9
		for range 2000 {
			i, j := r.IntN(len(ds)), r.IntN(len(ds))
			// Half the window each way from where a packet belongs.
			if max(abs(shuffled[i].Time-ds[j].Time), abs(shuffled[j].Time-ds[i].Time)) < window/2 {
				shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
			}
		}
		if reflect.DeepEqual(shuffled, ds) {
			t.Fatal("nothing was shuffled")
		}
		got, s := flowsOf(t, Config{Reorder: window}, shuffled)
		if !reflect.DeepEqual(got, want) || s.Late != 0 {
			t.Fatalf("order within the window changes rows; %d late", s.Late)
		}
		if _, s := flowsOf(t, Config{}, shuffled); s.Late == 0 {
			t.Fatal("late packets are not counted")
		}
	}
}

func abs(v int64) int64 { return max(v, -v) }

// A file's rows are the same whatever was read before it.
func TestFilesDoNotKnowEachOther(t *testing.T) {
	first, second := randomDigests(1, 300), randomDigests(2, 300)
	for i := range second {
		second[i].File = 1
	}
	alone, _ := flowsOf(t, Config{}, second)
	both, _ := flowsOf(t, Config{}, append(append([]Digest(nil), first...), second...))
	if !reflect.DeepEqual(both[len(both)-len(alone):], alone) {
		t.Error("the first file changes the second's rows")
	}
}

// Digests that went through the files of shards give the same rows.
func TestShardsChangeNothing(t *testing.T) {
	for seed := range uint64(4) {
		ds := randomDigests(seed, 400)
		saidBy(ds)
		want := journey(t, Config{Span: true}, ds, nil)
		var shards []Digest
		for _, part := range [][]Digest{ds[:50], ds[50:51], ds[51:300], ds[300:]} {
			_, got, _, err := readDigests(bytes.NewReader(digestFile(t, "", "", part)))
			if err != nil {
				t.Fatal(err)
			}
			shards = append(shards, got...)
		}
		if journey(t, Config{Span: true}, shards, nil) != want {
			t.Fatal("the way through files changes rows")
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdefFEDCBA9876543210"))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, data []byte) {
		ds := digestsFrom(data[:min(len(data), 16*400)])
		saidBy(ds)
		for _, cfg := range []Config{{}, smallLimits, {Reorder: time.Second, Span: true}} {
			rows, s := flowsOf(t, cfg, ds)
			invariants(t, rows, s, ds)
		}
	})
}

// The extremes of time do not overflow.
func TestExtremeTimes(t *testing.T) {
	ds := []Digest{pkt(0, up, "", 1), pkt(0, up, "", 1), pkt(0, down, "", 1)}
	ds[0].Time, ds[1].Time = math.MaxInt64, math.MinInt64
	for _, cfg := range []Config{{}, {Reorder: time.Hour}} {
		rows, s := flowsOf(t, cfg, ds)
		invariants(t, rows, s, ds)
		if s.ClampedTimes != 2 {
			t.Errorf("%d times clamped", s.ClampedTimes)
		}
	}
}

// Steady state makes no garbage: neither packets of open flows nor flows that
// come and go.
func TestNoAllocations(t *testing.T) {
	table := NewTable(Config{Rows: EachBatch(func(*schema.Batch) error { return nil }), BatchRows: 64, MaxFlows: 512,
		MaxHosts: 512, MaxEvents: 1024, MaxPairs: 1024, MaxServices: 512})
	d := pkt(0, up, "S", 0)
	n := 0
	next := func() {
		n++
		d.Time += 1e6
		d.Number++
		d.Src = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
		table.Add(&d)
		table.Add(&d)
	}
	for range 20_000 {
		next()
	}
	if a := testing.AllocsPerRun(5000, next); a >= 1 {
		t.Errorf("%v allocations a flow", a)
	}
}
