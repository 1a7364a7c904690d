package layer

import (
	"bufio"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// Captures of wireless LANs with and without radiotap, and of tunnels and SCTP.
const (
	wlanFiles   = "testdata/ieee80211/*.pcap"
	tunnelFiles = "testdata/tunnels/*.pcap"
)

// TestTshark compares every column that has a Wireshark field with what
// tshark says, packet by packet, in all bundled captures. PCAPLINE_LAB=all
// takes the whole lab beside the repository,
// PCAPLINE_LAB=captures the hostile ones, any other value a path pattern.
func TestTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tshark is not installed, and CI must compare with it")
		}
		t.Skip("tshark is not installed: nothing to compare with")
	}
	for _, path := range tsharkCaptures(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".pcapng.zst"), func(t *testing.T) {
			compareWithTshark(t, path)
		})
	}
}

func tsharkCaptures(t *testing.T) []string {
	var paths []string
	switch lab := os.Getenv("PCAPLINE_LAB"); lab {
	case "":
		paths = append(paths, goldenMixed)
		for _, pattern := range []string{filepath.Join(bundledLab, "*.pcapng.zst"), wlanFiles, tunnelFiles} {
			found, _ := filepath.Glob(pattern)
			if len(found) == 0 {
				t.Fatal("no captures match ", pattern)
			}
			paths = append(paths, found...)
		}
		return paths
	case "all":
		paths, _ = filepath.Glob(filepath.Join(sharedLab, "*.pcapng.zst"))
	case "captures":
		paths = captureFiles(t)
	default:
		paths, _ = filepath.Glob(lab)
	}
	if len(paths) == 0 {
		t.Skip("the captures beside the repository are not there")
	}
	return paths
}

// captureFiles lists the captures of the tools' own test suites.
func captureFiles(t testing.TB) []string {
	var paths []string
	err := filepath.WalkDir(sharedFiles, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ext := filepath.Ext(path); ext == ".pcap" || ext == ".pcapng" || ext == ".cap" {
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Skip("no captures beside the repository: ", err)
	}
	return paths
}

// Separators that no value holds.
const (
	fieldSep = "\x1f"
	valueSep = "\x1e"
)

// extraFields are fields that the explanations look at, or that stand for a
// column together.
var extraFields = []string{
	"frame.protocols", "tcp.len", "_ws.malformed",
	"icmpv6.nd.ns.target_address", "icmpv6.nd.na.target_address", "icmpv6.nd.rd.target_address",
	"icmpv6.mld.multicast_address", "icmpv6.mldr.mar.multicast_address",
}

// tsharkRows calls f with each packet's fields.
func tsharkRows(t *testing.T, file string, fields []string, f func(values []string)) {
	args := []string{
		"-n", "-r", file, "-T", "fields",
		"-E", "separator=" + fieldSep, "-E", "aggregator=" + valueSep, "-E", "occurrence=a",
		"-o", "tcp.relative_sequence_numbers:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE",
		"-o", "tcp.analyze_sequence_numbers:FALSE", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
		"-o", "dns.desegment_dns_messages:FALSE", "-o", "wlan.defragment:FALSE",
		"-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-o", "sctp.checksum:CRC 32c", "-d", "udp.port==8472,vxlan",
	}
	for _, name := range fields {
		args = append(args, "-e", name)
	}
	cmd := exec.Command("tshark", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line == "" {
			break
		} else if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		values := strings.Split(strings.TrimSuffix(line, "\n"), fieldSep)
		if len(values) != len(fields) {
			t.Fatalf("tshark printed %d values for %d fields: %q", len(values), len(fields), line)
		}
		f(values)
	}
	if err := cmd.Wait(); err != nil {
		t.Logf("tshark stopped early: %v: %s", err, stderr.String()) // a damaged capture
	}
}

// comparison is one packet as both see it.
type comparison struct {
	tshark map[string]string // field to values, joined by valueSep
	ours   map[string]string // column to text; absent for null
	packet *pcapio.Packet
}

func compareWithTshark(t *testing.T, path string) {
	packets := readCapture(t, path)
	tab := decodeAll(packets)
	tab.Batch().Finish()
	rows := newRowTexts(tab.Batch())
	fields := append([]string{}, extraFields...)
	for _, c := range tab.Batch().Columns {
		if ws := c.Field().Wireshark; ws != "" && c.Field().Layer != StreamLayer {
			fields = append(fields, ws)
		}
	}
	var lines [][]string
	tsharkRows(t, plainCopy(t, path), fields, func(values []string) { lines = append(lines, values) })
	if len(lines) != len(packets) {
		if os.Getenv("PCAPLINE_LAB") == "captures" {
			t.Skipf("tshark reads %d records, we %d packets: custom blocks are records to it, and damage ends it elsewhere", len(lines), len(packets))
		}
		t.Fatalf("tshark reads %d packets, we %d", len(lines), len(packets))
	}
	reported, explained := map[string]int{}, map[string]int{}
	for i := range packets {
		cmp := comparison{tshark: map[string]string{}, ours: rows.next(), packet: &packets[i]}
		for j, f := range fields {
			cmp.tshark[f] = lines[i][j]
		}
		for _, c := range tab.Batch().Columns {
			if c.Field().Layer == StreamLayer {
				continue // package transform compares it: it needs the flows
			}
			compareColumn(t, &cmp, c.Field(), reported, explained)
		}
	}
	for name, n := range explained {
		t.Logf("%d values: %s", n, name)
	}
	for name, n := range reported {
		t.Errorf("%s: %d packets differ", name, n)
	}
}

func compareColumn(t *testing.T, cmp *comparison, f *schema.Field, reported, explained map[string]int) {
	theirs, compared := cmp.theirs(f)
	if !compared {
		return
	}
	ours, present := cmp.ours[f.Name]
	if ours == theirs && present == (theirs != "") {
		return
	}
	if !present && theirs == "" {
		return
	}
	for i := range differences {
		if e := &differences[i]; e.applies(f, cmp, ours, theirs) {
			explained[e.why]++
			return
		}
	}
	if reported[f.Name]++; reported[f.Name] <= 3 {
		t.Errorf("packet %d, %s: %q, tshark's %s says %q (%s | %s)", cmp.packet.Number, f.Name, ours,
			f.Wireshark, theirs, cmp.ours["frame_protocols"], cmp.tshark["frame.protocols"])
	}
}

// together are columns for which Wireshark has several fields, one for each
// type of message or protocol.
var together = map[string][]string{
	"icmpv6_target":    {"icmpv6.nd.ns.target_address", "icmpv6.nd.na.target_address", "icmpv6.nd.rd.target_address"},
	"icmpv6_mld_group": {"icmpv6.mld.multicast_address", "icmpv6.mldr.mar.multicast_address"},
	"payload_len":      {"tcp.len"},
}

// theirs gives tshark's value in our notation, "" for none, and whether there
// is a field to compare with.
func (c *comparison) theirs(f *schema.Field) (text string, ok bool) {
	raw := c.tshark[f.Wireshark]
	for _, other := range together[f.Name] {
		if raw == "" {
			raw = c.tshark[other]
		}
	}
	if f.Wireshark == "" && together[f.Name] == nil {
		return "", false
	}
	values, ok := c.side(f, strings.Split(raw, valueSep))
	if !ok {
		return "", true
	}
	if !f.List {
		return normalise(f, values[0]), true
	}
	for i, v := range values {
		values[i] = normalise(f, v)
	}
	return strings.Join(values, ";"), true
}

// side gives those of a field's values that belong to the column's side of a
// tunnel, if any do: tshark prints the values of all headers, from the outside
// in.
func (c *comparison) side(f *schema.Field, values []string) ([]string, bool) {
	name, isInner := strings.CutPrefix(f.Layer, "inner_")
	if !isInner && !slices.Contains(innerNames, name) {
		return values, true
	}
	sides := sidesOf(c.tshark["frame.protocols"])
	n := count(sides[0], name)
	if !isInner {
		return values, len(sides) == 1 || n > 0
	}
	if len(sides) == 1 || n >= len(values) || count(sides[1], name) == 0 {
		return nil, false
	}
	values = values[n:]
	if len(sides) > 2 {
		values = values[:min(count(sides[1], name), len(values))]
	}
	return values, true
}

// innerNames are the layers that have columns on both sides of a tunnel.
var innerNames = names(inner())

// sidesOf cuts a chain of tshark's protocols where a tunnel begins: at a link
// or network protocol after an IP header, unless an ICMP error quotes it.
func sidesOf(chain string) (sides [][]string) {
	seenIP, from := false, 0
	protocols := strings.Split(chain, ":")
chain:
	for i, p := range protocols {
		switch p {
		case "icmp", "icmpv6":
			break chain
		case "eth", "ip", "ipv6", "vlan", "arp", "mpls", "ppp":
			if seenIP {
				sides, from = append(sides, protocols[from:i]), i
			}
			seenIP = p == "ip" || p == "ipv6"
		}
	}
	return append(sides, protocols[from:])
}

func count(protocols []string, name string) (n int) {
	for _, p := range protocols {
		if p == name {
			n++
		}
	}
	return n
}

// normalise writes a value of tshark's as AppendText writes ours.
func normalise(f *schema.Field, s string) string {
	if s == "" {
		return ""
	}
	switch f.Kind {
	case schema.Bool:
		if s == "1" || s == "True" {
			return "true"
		}
		return "false"
	case schema.Uint8, schema.Uint16, schema.Uint32:
		if n, err := strconv.ParseUint(s, 0, 64); err == nil {
			return strconv.FormatUint(n, 10)
		}
	case schema.MACAddr:
		if b, err := hex.DecodeString(strings.ReplaceAll(s, ":", "")); err == nil && len(b) == 6 {
			return string(schema.MAC(b).AppendTo(nil))
		}
	case schema.IPv4Addr, schema.IPv6Addr, schema.IPAddr:
		if a, err := netip.ParseAddr(s); err == nil {
			return a.String()
		}
	case schema.Binary:
		return strings.ReplaceAll(s, ":", "")
	case schema.Timestamp, schema.Int64:
		return normaliseTime(f, s)
	}
	return s
}

// normaliseTime turns seconds with nine decimals into our two forms.
func normaliseTime(f *schema.Field, s string) string {
	sec, frac, found := strings.Cut(s, ".")
	if !found || len(frac) != 9 {
		return s
	}
	seconds, _ := strconv.ParseInt(sec, 10, 64)
	nanos, _ := strconv.ParseInt(frac, 10, 64)
	if strings.HasPrefix(sec, "-") {
		nanos = -nanos
	}
	ns := seconds*1e9 + nanos
	if f.Kind == schema.Int64 {
		return strconv.FormatInt(ns, 10)
	}
	var c schema.Values[schema.Micros]
	c.Append(schema.Micros(floorDiv(ns, 1000)))
	return string(c.AppendText(nil, 0))
}

// rowTexts gives a batch's rows as text, one after another.
type rowTexts struct {
	batch *schema.Batch
	row   int
	at    []int // next value of each column
}

func newRowTexts(b *schema.Batch) *rowTexts {
	return &rowTexts{batch: b, at: make([]int, len(b.Columns))}
}

func (r *rowTexts) next() map[string]string {
	texts := make(map[string]string)
	for i, c := range r.batch.Columns {
		if c.Presence().Has(r.row) {
			texts[c.Field().Name] = string(c.AppendText(nil, r.at[i]))
			r.at[i]++
		}
	}
	r.row++
	return texts
}
