package sink_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// packetsOf reads the first packets of a capture and decodes them.
func packetsOf(t *testing.T, path string, limit int) (data [][]byte, b *schema.Batch) {
	t.Helper()
	r, err := pcapio.Open(path, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tab := layer.NewTable(layer.Options{})
	var p pcapio.Packet
	for len(data) < limit {
		err := r.Next(&p)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Data = bytes.Clone(p.Data)
		tab.Append(&p, 0, nil)
		data = append(data, p.Data)
	}
	b = tab.Batch()
	b.Finish()
	return data, b
}

// bits is lines of nPrint by row and column.
func bits(t *testing.T, text []byte) []map[string]string {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	names := strings.Split(lines[0], ",")
	var rows []map[string]string
	for _, line := range lines[1:] {
		cells := strings.Split(line, ",")
		if len(cells) != len(names) {
			t.Fatalf("%d cells under %d names", len(cells), len(names))
		}
		row := make(map[string]string, len(names))
		for i, c := range cells {
			row[names[i]] = c
		}
		rows = append(rows, row)
	}
	return rows
}

// TestNPrintPeer compares with what nprint 1.2.1 makes of the same capture
// (nprint -e -4 -6 -t -u -i -P all_layers.pcap).
func TestNPrintPeer(t *testing.T) {
	_, b := packetsOf(t, filepath.Join("..", "..", "testdata", "antinex", "all_layers.pcap"), 100)
	got := render(t, "nprint", b.Schema(), sink.Options{Headers: sink.NPrintHeaders}, b)
	f, err := os.Open(filepath.Join("testdata", "nprint_1.2.1.npt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	gotHead, _, _ := bytes.Cut(got, []byte("\n"))
	peerHead, _, _ := bytes.Cut(peer, []byte("\n"))
	if !bytes.Equal(gotHead, peerHead) {
		t.Fatalf("header\n%s\nwant\n%s", gotHead, peerHead)
	}
	// nprint leaves out what is not TCP, UDP or ICMP over IP over Ethernet.
	left := map[int]string{18: "ARP", 19: "ARP", 22: "ICMPv6", 23: "IP in IP", 24: "VLAN"}
	// Where we differ, by packet and beginning of the bits' names, and why.
	differ := map[int][2]string{
		16: {"icmp_roh", "the columns have the pointer of a parameter problem, not the three bytes behind it"},
		25: {"udp", "a later fragment has no UDP header; nprint takes its bytes for one"},
	}
	want := bits(t, peer)
	for i, row := range bits(t, got) {
		if left[i] != "" {
			continue
		}
		if len(want) == 0 {
			t.Fatalf("packet %d is none of nprint's", i)
		}
		for name, w := range want[0] {
			d, ok := differ[i]
			if g := row[name]; g != w && (!ok || g != "-1" || !strings.HasPrefix(name, d[0])) {
				t.Errorf("packet %d, %s: %s, nprint has %s", i, name, g, w)
			}
		}
		want = want[1:]
	}
	if len(want) > 0 {
		t.Errorf("nprint has %d packets more", len(want))
	}
}

// TestNPrintBytes compares the bits with the packets' bytes, of the captures
// of the lab.
func TestNPrintBytes(t *testing.T) {
	const payload = 12
	paths, err := filepath.Glob(filepath.Join("..", "..", "testdata", "lab", "*.zst"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	compared := 0
	for _, path := range paths {
		data, b := packetsOf(t, path, 300)
		text := render(t, "nprint", b.Schema(), sink.Options{Payload: payload}, b)
		lines := bytes.Split(text, []byte("\n"))[1:]
		if len(lines) != len(data)+1 {
			t.Fatalf("%s: %d lines for %d packets", path, len(lines)-1, len(data))
		}
		for i, p := range data {
			want, ok := bitsOfPacket(p, payload)
			if !ok {
				continue
			}
			compared++
			if string(lines[i]) != want {
				t.Errorf("%s, packet %d: bits\n%s\nwant\n%s", filepath.Base(path), i+1, lines[i], want)
			}
		}
	}
	if compared < 2000 {
		t.Errorf("%d packets were compared", compared)
	}
}

// bitsOfPacket makes the line of an Ethernet packet with an unfragmented IPv4
// packet of TCP, UDP or ICMP echo from its bytes.
func bitsOfPacket(p []byte, payload int) (string, bool) {
	be := binary.BigEndian
	if len(p) < 34 || be.Uint16(p[12:]) != 0x0800 || be.Uint16(p[20:])&0x3fff != 0 {
		return "", false
	}
	ip := p[14:min(len(p), 14+int(be.Uint16(p[16:])))]
	above := ip[int(ip[0]&15)*4:]
	headers := [4][]byte{ip[:len(ip)-len(above)]} // IPv4, TCP, UDP, ICMP
	switch {
	case ip[9] == 6:
		n := int(above[12]>>4) * 4
		headers[1], above = above[:n], above[n:]
	case ip[9] == 17:
		headers[2], above = above[:8], above[8:]
	case ip[9] == 1 && (above[0] == 0 || above[0] == 8):
		headers[3], above = above[:8], above[8:]
	default:
		return "", false
	}
	line := fmt.Appendf(nil, "%d.%d.%d.%d", ip[12], ip[13], ip[14], ip[15])
	sizes := [5]int{60, 60, 8, 8, payload}
	for i, h := range append(headers[:], above[:min(len(above), payload)]) {
		for at := range sizes[i] * 8 {
			if at/8 < len(h) {
				line = append(line, ',', '0'+h[at/8]>>(7-at%8)&1)
			} else {
				line = append(line, ",-1"...)
			}
		}
	}
	return string(line), true
}

// TestNPrintRefuses: a table without the columns, and what is not known.
func TestNPrintRefuses(t *testing.T) {
	_, b := packetsOf(t, filepath.Join("..", "..", "testdata", "antinex", "all_layers.pcap"), 1)
	all := b.Schema()
	without := slices.DeleteFunc(slices.Clone(all), func(f *schema.Field) bool { return f.Name == "tcp_options" })
	other := slices.Clone(all)
	other[other.Index("ip_ttl")] = &schema.Field{Name: "ip_ttl", Kind: schema.Int64}
	cases := []struct {
		schema schema.Schema
		opt    sink.Options
		want   string
	}{
		{without, sink.Options{}, "header tcp is made of column tcp_options, which the table lacks"},
		{without, sink.Options{Headers: []string{"udp", "ipv6"}}, ""},
		{other, sink.Options{}, "column ip_ttl is int64, and not uint8"},
		{all, sink.Options{Headers: []string{"sctp"}}, `no header "sctp"; known: eth, ipv4`},
		{all, sink.Options{Payload: -1}, "payload of -1 bytes"},
		{all, sink.Options{Bloom: []string{"ip_src"}}, "no option bloom"},
	}
	format, err := sink.ByName("nprint")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		_, err := format.New(io.Discard, c.schema, c.opt)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}
