package prep

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
)

// loopPacket is a UDP datagram as a loopback interface has it, or between two
// other hosts.
func loopPacket(id uint16, loop bool) []byte {
	b := make([]byte, 14+20+8+4)
	ip := b[14:]
	binary.BigEndian.PutUint16(b[12:], 0x0800)
	ip[0], ip[8], ip[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(ip[2:], 32)
	binary.BigEndian.PutUint16(ip[4:], id)
	copy(ip[12:], []byte{127, 0, 0, 1, 127, 0, 0, 1})
	if !loop {
		copy(b, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2})
		copy(ip[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	}
	binary.BigEndian.PutUint16(ip[20:], 4000)
	binary.BigEndian.PutUint16(ip[22:], 5000+id%7)
	binary.BigEndian.PutUint16(ip[24:], 12)
	return b
}

// loopTable makes the labelled packets table of a capture in which each
// packet is there twice, 2 µs apart.
func loopTable(t *testing.T, loop bool) string {
	t.Helper()
	dir := t.TempDir()
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0)
	for i := range 200 {
		p := loopPacket(uint16(i), loop)
		for twin := range 2 {
			for _, v := range []int{1_700_000_000, i*1000 + 2*twin, len(p), len(p)} {
				b = binary.LittleEndian.AppendUint32(b, uint32(v))
			}
			b = append(b, p...)
		}
	}
	capture := filepath.Join(dir, "lo.pcap")
	truth := filepath.Join(dir, "truth.csv")
	rules := "file,start,end,src,dst,proto,sport,dport,src_mac,label,category,tool,attacker_host\n" +
		"lo.pcap,1700000000,1700000001,*,*,udp,,5001,,x,x,x,a\nlo.pcap,1700000000,1700000001,*,*,*,,,,benign,benign,x,\n"
	for path, text := range map[string][]byte{capture: b, truth: []byte(rules)} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := label.Load(truth)
	if err != nil {
		t.Fatal(err)
	}
	a, err := label.NewAnnotator(r, []string{"lo.pcap"})
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := pcapio.Expand([]string{capture})
	if err != nil {
		t.Fatal(err)
	}
	out := transform.Output{Path: filepath.Join(dir, "packets.parquet")}
	if _, err := transform.Run(context.Background(), transform.Options{
		Inputs: inputs, Packets: out, Annotate: func() transform.Annotator { return a.Clone() },
	}); err != nil {
		t.Fatal(err)
	}
	return out.Path
}

func TestLoopbackTwinsAreLeftOutAndCounted(t *testing.T) {
	// Everything but the destination port is constant, so a feature is asked for.
	opt := Options{Encode: features.EncodeSpec{Include: []string{"ip_id", "udp_dst_port"}}, Split: features.SplitSpec{Kind: features.Random}}
	for _, c := range []struct {
		loop   bool
		policy Policy
		twins  int64
	}{{true, OneSide, 200}, {true, Drop, 200}, {true, Keep, 0}, {false, OneSide, 0}} {
		opt.Tables, opt.Duplicates = []string{loopTable(t, c.loop)}, c.policy
		res, _ := prepared(t, opt)
		if r := res.Full.Rows; r.TwinsDropped != c.twins || r.Check() != nil || r.In != 400 {
			t.Errorf("loopback %t, %s: rows %+v", c.loop, c.policy, r)
		}
	}
}

func TestPairsAreNotChained(t *testing.T) {
	// Four equal packets are two pairs; one a second later begins a new one.
	recent := map[int32]*[twinReach]sighting{}
	var got []bool
	for _, ns := range []int64{0, 1000, 2000, 3000, 1_000_000_000, 1_000_000_500} {
		got = append(got, seen(recent, &features.Position{Start: ns}, 1))
	}
	want := []bool{false, true, false, true, false, true}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("seconds of a pair: %v; want %v", got, want)
			break
		}
	}
}
