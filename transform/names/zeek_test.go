package names

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// side is one packet of a conversation: how long after its start in µs, from
// which side, and what it carries.
type side struct {
	us      int64
	back    bool
	flags   uint16
	payload uint32
	header  uint16
	seq     uint32
}

// TestConnLogAsDocumented writes the two conversations that Zeek's own
// documentation shows, a DNS and an HTTP one of tm1t.pcap (Book of Zeek, Zeek
// Log Formats), and compares the lines but for the uid and the columns that
// were added since; local_orig and local_resp are by the defaults of today.
func TestConnLogAsDocumented(t *testing.T) {
	const dnsStart, httpStart = 1591367999_305988_000, 1591367999_430166_000
	client := netip.MustParseAddr("192.168.4.76")
	var packets []flow.Digest
	add := func(start int64, server string, sport, dport uint16, proto uint8, list []side) {
		for _, s := range list {
			d := flow.Digest{
				Time: start + s.us*1000, Src: client, Dst: netip.MustParseAddr(server), SrcPort: sport, DstPort: dport, Proto: proto,
				EtherType: 0x0800, HeaderLen: s.header, PayloadLen: s.payload, IPLen: 20 + uint32(s.header) + s.payload,
				WireLen: 34 + uint32(s.header) + s.payload, TCPFlags: s.flags, Seq: s.seq, Window: 100, DNSRcode: -1,
			}
			if s.back {
				d.Src, d.Dst, d.SrcPort, d.DstPort = d.Dst, d.Src, dport, sport
			}
			if dport == 53 {
				d.App = &flow.App{Name: "dns"}
			}
			if dport == 80 && s.payload > 0 {
				d.App = &flow.App{Name: "http"}
			}
			packets = append(packets, d)
		}
	}
	add(dnsStart, "192.168.4.1", 36844, 53, 17, []side{
		{0, false, 0, 31, 8, 0}, {71, false, 0, 31, 8, 0}, {48_589, true, 0, 94, 8, 0}, {66_852, true, 0, 47, 8, 0},
	})
	const syn, ack, fin, psh = 2, 16, 1, 8
	add(httpStart, "31.3.245.133", 46378, 80, 6, []side{
		{0, false, syn, 0, 40, 100}, {80_000, true, syn | ack, 0, 40, 500}, {80_100, false, ack, 0, 32, 101},
		{80_200, false, psh | ack, 77, 32, 101}, {160_000, true, ack, 0, 32, 501}, {170_000, true, psh | ack, 295, 32, 501},
		{170_100, false, ack, 0, 32, 178}, {171_000, false, fin | ack, 0, 32, 178}, {254_115, true, fin | ack, 0, 32, 796},
		{254_115, false, ack, 0, 32, 179},
	})
	want := []string{
		"1591367999.305988\tUID\t192.168.4.76\t36844\t192.168.4.1\t53\tudp\tdns\t0.066852\t62\t141\tSF\tT\tT\t0\tDd\t2\t118\t2\t197\t-\t17",
		"1591367999.430166\tUID\t192.168.4.76\t46378\t31.3.245.133\t80\ttcp\thttp\t0.254115\t77\t295\tSF\tT\tF\t0\tShADadFf\t6\t397\t4\t511\t-\t6",
	}
	var got []string
	for line := range strings.SplitSeq(strings.TrimSpace(connLog(t, packets)), "\n") {
		if !strings.HasPrefix(line, "#") {
			cells := strings.Split(line, "\t")
			cells[1] = "UID"
			got = append(got, strings.Join(cells[:22], "\t"))
		}
	}
	slices.Sort(got) // by time; the log is in the order in which flows end
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// connLog makes flows of packets and writes them as Zeek does.
func connLog(t *testing.T, packets []flow.Digest) string {
	t.Helper()
	tr, err := New(&zeek, flow.Schema())
	if err != nil {
		t.Fatal(err)
	}
	format, err := sink.ByName("zeek")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := format.New(&out, tr.Batch().Schema(), sink.Options{Log: zeek.Log})
	if err != nil {
		t.Fatal(err)
	}
	e := w.NewEncoder()
	tab := flow.NewTable(flow.Config{Rows: flow.EachBatch(func(b *schema.Batch) error {
		tr.Translate(b)
		return e.Encode(tr.Batch())
	})})
	for i := range packets {
		tab.Add(&packets[i])
	}
	if err := tab.Finish(); err != nil {
		t.Fatal(err)
	}
	p, err := e.Flush()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
