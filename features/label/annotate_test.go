package label

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/transform/schema"
)

// testPackets has the columns of the packets table that rules look at.
type testPackets struct {
	batch *schema.Batch
	Frame struct {
		schema.Layer `name:"frame" every:"row"`
		File         schema.Values[uint32] `name:"file_id" doc:"-"`
		Time         schema.Values[int64]  `name:"ts_ns" doc:"-"`
	}
	Eth struct {
		schema.Layer `name:"eth"`
		Dst          schema.Values[schema.MAC] `name:"eth_dst" doc:"-"`
		Src          schema.Values[schema.MAC] `name:"eth_src" doc:"-"`
	}
	IP struct {
		schema.Layer `name:"ip"`
		Proto        schema.Values[uint8]       `name:"ip_proto" doc:"-"`
		Src          schema.Values[schema.IPv4] `name:"ip_src" doc:"-"`
		Dst          schema.Values[schema.IPv4] `name:"ip_dst" doc:"-"`
	}
	TCP struct {
		schema.Layer `name:"tcp"`
		Src          schema.Values[uint16] `name:"tcp_src_port" doc:"-"`
		Dst          schema.Values[uint16] `name:"tcp_dst_port" doc:"-"`
	}
	ARP struct {
		schema.Layer `name:"arp"`
		Op           schema.Values[uint16]        `name:"arp_opcode" doc:"-"`
		Src          schema.Optional[schema.IPv4] `name:"arp_src_ip" doc:"-"`
		Dst          schema.Optional[schema.IPv4] `name:"arp_dst_ip" doc:"-"`
	}
}

func newTestPackets() *testPackets {
	p := new(testPackets)
	p.batch = schema.Of(&p.Frame, &p.Eth, &p.IP, &p.TCP, &p.ARP)
	return p
}

func (p *testPackets) frame(file uint32, ns int64, src, dst byte) int {
	row := p.batch.Rows
	p.batch.Rows++
	p.Frame.File.Append(file)
	p.Frame.Time.Append(ns)
	p.Eth.Mark(row)
	p.Eth.Src.Append(schema.MAC{2, 0, 0, 0, 0, src})
	p.Eth.Dst.Append(schema.MAC{2, 0, 0, 0, 0, dst})
	return row
}

// tcp adds a segment between the hosts 192.0.2.src and 192.0.2.dst.
func (p *testPackets) tcp(file uint32, ns int64, src byte, sport uint16, dst byte, dport uint16) {
	row := p.frame(file, ns, src, dst)
	p.IP.Mark(row)
	p.IP.Proto.Append(6)
	p.IP.Src.Append(schema.IPv4{192, 0, 2, src})
	p.IP.Dst.Append(schema.IPv4{192, 0, 2, dst})
	p.TCP.Mark(row)
	p.TCP.Src.Append(sport)
	p.TCP.Dst.Append(dport)
}

func (p *testPackets) arp(file uint32, ns int64, src, dst byte) {
	row := p.frame(file, ns, src, dst)
	p.ARP.Mark(row)
	p.ARP.Op.Append(1)
	p.ARP.Src.Set(row, schema.IPv4{192, 0, 2, src})
	p.ARP.Dst.Set(row, schema.IPv4{192, 0, 2, dst})
}

// labels annotates and gives the labels, "-" for null.
func labels(t *testing.T, a *Annotator, b *schema.Batch) string {
	t.Helper()
	a.Annotate(b)
	joined := schema.Join(b, a.Batch())
	joined.Rows = b.Rows
	joined.Finish()
	if err := a.Err(); err != nil {
		t.Fatal(err)
	}
	cur := schema.Walk[schema.Text](joined.Column("label"))
	id := schema.Walk[schema.Text](joined.Column("label_rule"))
	var out []string
	for i := range b.Rows {
		l, ok := cur.At(i)
		r, hasRule := id.At(i)
		if ok != hasRule || ok && len(r) == 0 {
			t.Errorf("row %d: label %q with rule %q", i, l, r)
		}
		class := string(joined.Column("label_class").Data().([]schema.Text)[i])
		switch {
		case !ok && class != "unknown", ok && string(l) == "benign" && class != "benign", ok && string(l) != "benign" && class != "attack":
			t.Errorf("row %d: label %q of class %s", i, l, class)
		}
		if !ok {
			l = schema.Text("-")
		}
		out = append(out, string(l))
	}
	return strings.Join(out, " ")
}

func annotator(t *testing.T, files []string, rules ...Rule) *Annotator {
	t.Helper()
	for i := range rules {
		if rules[i].ID == "" {
			rules[i].ID = rules[i].Label
		}
		if rules[i].Class == Unknown {
			rules[i].Class = Attack
		}
	}
	a, err := NewAnnotator(&Rules{List: rules}, files)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func rule(from, to int64, f func(*Rule)) Rule {
	r := NewRule()
	r.From, r.To, r.Label = from, to, "x"
	if f != nil {
		f(&r)
	}
	return r
}

func prefixes(s string) []netip.Prefix {
	list, err := ParsePrefixes(s)
	if err != nil {
		panic(err)
	}
	return list
}

func TestIntervalsAreHalfOpen(t *testing.T) {
	p := newTestPackets()
	for _, ns := range []int64{99, 100, 199, 200} {
		p.tcp(0, ns, 1, 1000, 2, 80)
	}
	if got := labels(t, annotator(t, []string{"a"}, rule(100, 200, nil)), p.batch); got != "- x x -" {
		t.Error(got)
	}
}

func TestDirectionSwapsTheWholeTuple(t *testing.T) {
	p := newTestPackets()
	p.tcp(0, 1, 1, 1000, 2, 80) // as the rule
	p.tcp(0, 1, 2, 80, 1, 1000) // back
	p.tcp(0, 1, 1, 80, 2, 1000) // ports of the way back, addresses of the way there
	p.tcp(0, 1, 3, 1000, 2, 80) // another source
	tuple := func(r *Rule) {
		r.Src, r.DstPorts = prefixes("192.0.2.1/32"), Ports{{80, 80}}
	}
	if got := labels(t, annotator(t, []string{"a"}, rule(0, 9, tuple)), p.batch); got != "x x - -" {
		t.Error(got)
	}
	forward := func(r *Rule) { tuple(r); r.Dir = Forward }
	if got := labels(t, annotator(t, []string{"a"}, rule(0, 9, forward)), p.batch); got != "x - - -" {
		t.Error(got)
	}
}

func TestMACAndARP(t *testing.T) {
	p := newTestPackets()
	p.arp(0, 1, 1, 2)
	p.arp(0, 1, 2, 1)
	p.tcp(0, 1, 1, 5, 2, 6)
	p.tcp(0, 1, 2, 6, 1, 5)
	mac := schema.MAC{2, 0, 0, 0, 0, 1}
	for _, c := range []struct {
		name string
		rule func(*Rule)
		want string
	}{
		{"frames from and to a MAC", func(r *Rule) { r.SrcMAC = mac }, "x x x x"},
		{"frames from a MAC", func(r *Rule) { r.SrcMAC, r.Dir = mac, Forward }, "x - x -"},
		{"ARP from a MAC", func(r *Rule) { r.SrcMAC, r.Dir, r.Proto = mac, Forward, ARP }, "x - - -"},
		{"ARP about an address", func(r *Rule) { r.Src, r.Proto = prefixes("192.0.2.1/32"), ARP }, "x x - -"},
		{"any protocol about an address", func(r *Rule) { r.Src, r.Dir = prefixes("192.0.2.1/32"), Forward }, "x - x -"},
		{"ports leave ARP out", func(r *Rule) { r.SrcPorts = Ports{{0, 65535}} }, "- - x x"},
	} {
		if got := labels(t, annotator(t, []string{"a"}, rule(0, 9, c.rule)), p.batch); got != c.want {
			t.Errorf("%s: %s; want %s", c.name, got, c.want)
		}
	}
}

func TestPriorityAndConflicts(t *testing.T) {
	p := newTestPackets()
	p.tcp(0, 5, 1, 1000, 2, 80)
	p.tcp(0, 15, 1, 1000, 2, 80)
	p.tcp(0, 25, 1, 1000, 2, 80)
	p.tcp(1, 5, 1, 1000, 2, 80)
	p.tcp(7, 5, 1, 1000, 2, 80) // a capture that nobody named
	benign := rule(0, 20, func(r *Rule) { r.Label, r.Class, r.Priority, r.File = "benign", Benign, -1, "a" })
	late := rule(10, 20, func(r *Rule) { r.Label, r.File = "late", "a" })
	early := rule(0, 20, func(r *Rule) { r.Label, r.ID, r.File, r.SrcPorts = "port", "p", "a", Ports{{1000, 1000}} })
	a := annotator(t, []string{"a", "b"}, benign, late, early)
	if got := labels(t, a, p.batch); got != "port late - - -" {
		t.Error(got)
	}
	h := a.Hits()
	if len(h) != 1 || h[0].Table != "packets" || h[0].counts.conflicts != 1 || h[0].counts.unknown != 3 {
		t.Errorf("hits %+v", h)
	}
	rep := NewReport(a.shared.rules, h...)
	if len(rep.Dead) != 1 || rep.Dead[0] != "benign" || rep.Tables[0].Attack != 2 || rep.Tables[0].Files[0].Unknown != 1 {
		t.Errorf("report %+v", rep)
	}
}

// testFlows has the columns of the flows table that rules look at.
type testFlows struct {
	schema.Layer `name:"flow" every:"row"`
	File         schema.Values[uint32]     `name:"file_id" doc:"-"`
	Start        schema.Values[int64]      `name:"ts_ns" doc:"-"`
	End          schema.Values[int64]      `name:"ts_end_ns" doc:"-"`
	SrcMAC       schema.Values[schema.MAC] `name:"src_mac" doc:"-"`
	SrcIP        schema.Values[netip.Addr] `name:"src_ip" doc:"-"`
	DstIP        schema.Values[netip.Addr] `name:"dst_ip" doc:"-"`
	SrcPort      schema.Optional[uint16]   `name:"src_port" doc:"-"`
	DstPort      schema.Optional[uint16]   `name:"dst_port" doc:"-"`
	EtherType    schema.Values[uint16]     `name:"ether_type" doc:"-"`
	Proto        schema.Optional[uint8]    `name:"ip_proto" doc:"-"`
}

func TestFlowsMatchByOverlap(t *testing.T) {
	f := new(testFlows)
	b := schema.Of(f)
	for _, span := range [][2]int64{{10, 99}, {10, 100}, {150, 150}, {10, 900}, {199, 300}, {200, 300}} {
		row := b.Rows
		b.Rows++
		f.File.Append(0)
		f.Start.Append(span[0])
		f.End.Append(span[1])
		f.SrcMAC.Append(schema.MAC{})
		f.SrcIP.Append(netip.MustParseAddr("192.0.2.1"))
		f.DstIP.Append(netip.MustParseAddr("192.0.2.2"))
		f.SrcPort.Set(row, 1000)
		f.DstPort.Set(row, 80)
		f.EtherType.Append(0x0800)
		f.Proto.Set(row, 6)
	}
	a := annotator(t, []string{"a"}, rule(100, 200, func(r *Rule) {
		r.Src, r.SrcPorts, r.Proto = prefixes("192.0.2.2/32"), Ports{{80, 80}}, 6
	}))
	if got := labels(t, a, b); got != "- x x x x -" {
		t.Error(got)
	}
	if h := a.Hits(); len(h) != 1 || h[0].Table != "flows" {
		t.Errorf("hits %+v", h)
	}
}

// TestIndexFindsWhatALoopFinds holds hash tables and window trees against a
// loop over all rules, with rules of every shape.
func TestIndexFindsWhatALoopFinds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		rules := make([]Rule, 1+rng.IntN(40))
		for i := range rules {
			rules[i] = randomRule(rng)
		}
		set, err := compile(rules)
		if err != nil {
			t.Fatal(err)
		}
		x := set.indexes([]string{"a"})[0]
		q := newSearch(set)
		for range 60 {
			w := randomRow(rng)
			want, wantConflict := loop(rules, &w)
			if got, c := q.find(x, &w, true); got != want || c != wantConflict {
				t.Fatalf("find %+v in %+v: %d %t; want %d %t", w, rules, got, c, want, wantConflict)
			}
		}
	}
}

func randomRule(rng *rand.Rand) Rule {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	from := int64(rng.IntN(50))
	return rule(from, from+1+int64(rng.IntN(20)), func(r *Rule) {
		r.Priority, r.Label, r.Class = rng.IntN(3), pick("a", "b", "c", "d"), Attack
		r.Src = prefixes(pick("", "", "10.0.0.1", "10.0.0.0/30", "10.0.0.1,10.0.0.2", "10.0.0.2,2001:db8::/64", "2001:db8::1"))
		if r.Dst = prefixes(pick("", "", "10.0.0.2", "0.0.0.0/0", "2001:db8::2")); len(r.Src) > 0 && len(r.Dst) > 0 && !sharedFamily(r.Src, r.Dst) {
			r.Dst = nil
		}
		r.SrcPorts, _ = ParsePorts(pick("", "", "1", "1-2", "1,3"))
		r.DstPorts, _ = ParsePorts(pick("", "", "2", "2-3"))
		r.Proto, _ = ParseProto(pick("", "", "6", "17"))
		r.Dir = Direction(rng.IntN(2))
		r.SrcMAC = schema.MAC{5: byte(rng.IntN(5) / 4)}
	})
}

func randomRow(rng *rand.Rand) row {
	v4 := func() netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(4))}) }
	w := row{from: int64(rng.IntN(80)), src: v4(), dst: v4(), proto: AnyProto}
	w.to = w.from + int64(rng.IntN(2)*rng.IntN(9))
	switch rng.IntN(5) {
	case 0:
		w.src, w.dst = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	case 1:
		w.src, w.dst = netip.Addr{}, netip.Addr{}
	}
	if rng.IntN(3) > 0 {
		w.hasPorts, w.srcPort, w.dstPort = true, uint16(rng.IntN(4)), uint16(rng.IntN(4))
		w.proto = []Proto{6, 17}[rng.IntN(2)]
	}
	w.srcMAC[5], w.dstMAC[5] = byte(rng.IntN(2)), byte(rng.IntN(2))
	return w
}

// loop is what find must do.
func loop(rules []Rule, w *row) (best int32, conflict bool) {
	best = -1
	fits := func(r *Rule) bool { return r.From <= w.to && w.from < r.To && r.matches(w) }
	for i := range rules {
		if r := &rules[i]; fits(r) && (best < 0 || r.Priority > rules[best].Priority) {
			best = int32(i)
		}
	}
	for i := range rules {
		r := &rules[i]
		conflict = conflict || best >= 0 && fits(r) && r.Priority == rules[best].Priority && r.Label != rules[best].Label
	}
	return best, conflict
}

func TestOffsetIsFound(t *testing.T) {
	const start = int64(1_700_000_000_123_456_789)
	for _, shift := range []time.Duration{0, 3 * time.Hour, -3 * time.Hour, 45 * time.Minute, -7 * time.Minute, 13*time.Hour + 59*time.Minute} {
		p := newTestPackets()
		for i := range 600 { // a minute of packets
			p.tcp(0, start+int64(i)*int64(time.Second)/10, 1, 1000, 2, 80)
		}
		at := start + int64(shift)
		a := annotator(t, []string{"a"}, rule(at, at+int64(time.Minute), func(r *Rule) {
			r.Src = prefixes("192.0.2.1/32")
		})).WithAlignment()
		a.Clone().Annotate(p.batch)
		rep := NewReport(a.shared.rules, a.Hits()...)
		if rep.Offset == nil || rep.Offset.Best() != -shift || rep.Offset.Aligned != (shift == 0) {
			t.Errorf("rules shifted by %s: offset %+v", shift, rep.Offset)
		}
		if (rep.Problem() == "") != (shift == 0) {
			t.Errorf("rules shifted by %s: problem %q", shift, rep.Problem())
		}
	}
}

func TestWrongTableIsSaid(t *testing.T) {
	a := annotator(t, nil, rule(0, 1, nil))
	b := schema.Of(&struct {
		schema.Layer `name:"x" every:"row"`
		X            schema.Values[int64] `name:"x" doc:"-"`
	}{})
	b.Rows = 1
	b.Columns[0].(*schema.Values[int64]).Append(1)
	a.Annotate(b)
	if a.Err() == nil {
		t.Error("a table that cannot be labelled was labelled")
	}
}

func BenchmarkAnnotate(b *testing.B) {
	p := newTestPackets()
	for i := range 8192 {
		p.tcp(0, int64(i), byte(i%7), uint16(i), 2, 80)
	}
	var rules []Rule
	for i := range 6 {
		rules = append(rules, rule(int64(i)*1000, 8000, func(r *Rule) {
			r.Src, r.DstPorts, r.Class, r.ID = prefixes("192.0.2.1/32"), Ports{{80, 80}}, Attack, string(rune('a'+i))
		}))
	}
	a, err := NewAnnotator(&Rules{List: rules}, []string{"a"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		a.Annotate(p.batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/8192, "ns/row")
}
