package anonymize

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
)

const (
	bundledLab  = "../../testdata/lab"
	layerData   = "../layer/testdata"
	sharedFiles = "../../../shared/data/captures"
)

// bundled lists the captures in the repository that tools can read to their end.
func bundled(t testing.TB) []string {
	t.Helper()
	paths := []string{"../../testdata/antinex/all_layers.pcap"}
	for _, pattern := range []string{bundledLab + "/*.pcapng.zst", layerData + "/ieee80211/*.pcap", layerData + "/tunnels/*.pcap", layerData + "/applications/*.pcap"} {
		found, _ := filepath.Glob(pattern)
		if len(found) == 0 {
			t.Fatal("no captures match ", pattern)
		}
		paths = append(paths, found...)
	}
	return paths
}

// hostile lists captures made to break readers, the wider corpus too if it is there.
func hostile(t testing.TB) []string {
	t.Helper()
	paths, _ := filepath.Glob(layerData + "/hostile/*.pcap*")
	if len(paths) == 0 {
		t.Fatal("no hostile captures")
	}
	if more, err := pcapio.Expand([]string{sharedFiles}); err == nil {
		paths = append(paths, more...)
	}
	return paths
}

// anonymous anonymises a capture and returns the output's path.
func anonymous(t testing.TB, o *Options, in string) (string, *CaptureReport) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.pcapng")
	rep, err := anonymizeCapture(context.Background(), o, in, out)
	if err != nil {
		t.Fatal(err)
	}
	return out, rep
}

func readCapture(t testing.TB, path string) (packets []pcapio.Packet) {
	t.Helper()
	r, err := pcapio.Open(path, pcapio.Options{})
	if err != nil {
		return nil
	}
	defer r.Close()
	for {
		var p pcapio.Packet
		if err := r.Next(&p); err != nil {
			return packets // damaged ones to the damage
		}
		p.Data = slices.Clone(p.Data)
		packets = append(packets, p)
	}
}

// oracle compares a packet's copy with what package layer sees in both.
type oracle struct {
	names     *Pseudonyms
	was, is   *layer.Table
	addresses map[string]bool // bytes of the originals: whether they have another pseudonym
	good, bad int             // checksums that stayed so
}

func newOracle(o *Options) *oracle {
	return &oracle{
		names: NewPseudonyms(o), was: layer.NewTable(layer.Options{}), is: layer.NewTable(layer.Options{}),
		addresses: map[string]bool{},
	}
}

// compare checks that lengths, checksum verdicts and the tree of headers are
// the same, and that every address is the pseudonym of the original's.
func (o *oracle) compare(was, is *pcapio.Packet, strict bool) error {
	o.was.Reset()
	o.is.Reset()
	o.was.Append(was, 0, nil)
	o.is.Append(is, 0, nil)
	a, b := o.was.Batch(), o.is.Batch()
	a.Finish()
	b.Finish()
	for i, c := range a.Columns {
		f := c.Field()
		if f.Layer == "dns" || f.Layer == "dhcp" || f.Layer == "dhcpv6" || f.Layer == "ntp" {
			continue // payload
		}
		x, hasX := addressOf(c)
		y, hasY := addressOf(b.Columns[i])
		switch {
		case hasX && f.Name != "icmp_addr_mask" && f.Name != "inner_icmp_addr_mask":
			want := o.pseudonym(x)
			o.addresses[x] = want != x
			if hasY && y != want || strict && !hasY {
				return fmt.Errorf("%s: %x became %x, want %x", f.Name, x, y, want)
			}
		case hasY && !hasX && strict:
			return fmt.Errorf("%s: %x came from nowhere", f.Name, y)
		}
		if strict && strings.HasSuffix(f.Name, "_checksum_status") {
			if err := o.checksum(f.Name, c, b.Columns[i]); err != nil {
				return err
			}
		}
	}
	if strict {
		return sameHeaders(a, b)
	}
	return nil
}

func (o *oracle) pseudonym(a string) string {
	switch len(a) {
	case 4:
		p := o.names.IPv4([4]byte([]byte(a)))
		return string(p[:])
	case 6:
		p := o.names.MAC([6]byte([]byte(a)))
		return string(p[:])
	}
	p := o.names.IPv6([16]byte([]byte(a)))
	return string(p[:])
}

func (o *oracle) checksum(name string, was, is schema.Column) error {
	x, hasX := first[uint8](was)
	y, hasY := first[uint8](is)
	if hasX != hasY || x != y {
		return fmt.Errorf("%s was %d (%t), is %d (%t)", name, x, hasX, y, hasY)
	}
	switch {
	case hasX && x == 1:
		o.good++
	case hasX:
		o.bad++
	}
	return nil
}

func first[T schema.Value](c schema.Column) (v T, ok bool) {
	if values, is := c.Data().([]T); is && len(values) > 0 {
		return values[0], true
	}
	return v, false
}

func addressOf(c schema.Column) (string, bool) {
	if v, ok := first[schema.IPv4](c); ok {
		return string(v[:]), true
	}
	if v, ok := first[schema.IPv6](c); ok {
		return string(v[:]), true
	}
	if v, ok := first[schema.MAC](c); ok {
		return string(v[:]), true
	}
	return "", false
}

// sameHeaders compares the layers below the application.
func sameHeaders(a, b *schema.Batch) error {
	was, _ := first[schema.Text](a.Column("frame_protocols"))
	is, _ := first[schema.Text](b.Column("frame_protocols"))
	if x, y := headersOf(string(was)), headersOf(string(is)); x != y {
		return fmt.Errorf("the headers %s became %s", was, is)
	}
	return nil
}

// headersOf cuts a list of protocols at the first that payload holds.
func headersOf(protocols string) string {
	list := strings.Split(protocols, ":")
	for i, p := range list {
		if slices.Contains([]string{"dns", "dhcp", "dhcpv6", "ntp", "http", "ssh", "quic", "tls"}, p) {
			return strings.Join(list[:i], ":")
		}
	}
	return protocols
}

// TestCaptures: of each bundled capture every packet keeps its lengths, its
// headers and what its checksums are worth, has pseudonyms for addresses, and
// none of the originals anywhere in the file.
func TestCaptures(t *testing.T) {
	good, bad := 0, 0
	for _, path := range bundled(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			o := testOptions(t)
			out, rep := anonymous(t, o, path)
			was, is := readCapture(t, path), readCapture(t, out)
			if len(was) != len(is) || rep.Out != int64(len(was)) {
				t.Fatalf("%d packets became %d, reported %d", len(was), len(is), rep.Out)
			}
			or := newOracle(o)
			for i := range was {
				a, b := &was[i], &is[i]
				if len(a.Data) != len(b.Data) || a.WireLen != b.WireLen || a.Time != b.Time || a.Interface != b.Interface ||
					a.LinkType != b.LinkType || a.Direction != b.Direction || b.Comment != "" {
					t.Fatalf("packet %d: %+v became %+v", i+1, a, b)
				}
				if err := or.compare(a, b, true); err != nil {
					t.Errorf("packet %d: %v", i+1, err)
				}
			}
			good, bad = good+or.good, bad+or.bad
			noneLeft(t, out, or.addresses)
		})
	}
	if good < 10_000 || bad < 100 {
		t.Errorf("%d good checksums and %d others were compared: too few to tell", good, bad)
	}
}

// noneLeft searches a file for the bytes and the texts of addresses.
func noneLeft(t *testing.T, path string, addresses map[string]bool) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{4, 6, 16} {
		for at := 0; at+n <= len(data); at++ {
			if addresses[string(data[at:at+n])] && distinctive(data[at:at+n]) && !withinKept(data, at, n, addresses) {
				t.Errorf("byte %d of %s: the address %x is still there: % x", at, path, data[at:at+n], data[max(at-8, 0):min(at+24, len(data))])
				return
			}
		}
	}
	for a, gone := range addresses {
		if !gone {
			continue
		}
		text := schema.MAC{}.AppendTo(nil)
		switch len(a) {
		case 4:
			text = netip.AddrFrom4([4]byte([]byte(a))).AppendTo(nil)
		case 6:
			text = schema.MAC([]byte(a)).AppendTo(nil)
		case 16:
			text = netip.AddrFrom16([16]byte([]byte(a))).AppendTo(nil)
		}
		if len(text) >= 8 && bytes.Contains(data, text) {
			t.Errorf("%s: the address %s is still there as text", path, text)
		}
	}
}

// withinKept reports whether bytes are in part an address that is kept, a
// multicast group for example.
func withinKept(data []byte, at, n int, addresses map[string]bool) bool {
	for i := max(at-n+1, 0); i < at+n && i+n <= len(data); i++ {
		if gone, known := addresses[string(data[i:i+n])]; known && !gone && !bytes.Equal(data[i:i+n], make([]byte, n)) {
			return true
		}
	}
	return false
}

// distinctive reports whether bytes are an address sooner than a small number.
func distinctive(a []byte) bool {
	zeros := bytes.Count(a, []byte{0})
	if bytes.Count(a, a[:1]) == len(a) { // what fuzzers fill packets with
		return false
	}
	return zeros < 2 || len(a) > 4 && zeros < len(a)-3
}

// TestHostileCaptures: whatever is in a packet, no panic, the same number of
// packets and bytes, and no address that is not a pseudonym where a header is read.
func TestHostileCaptures(t *testing.T) {
	o := testOptions(t)
	for _, path := range hostile(t) {
		was := readCapture(t, path)
		out := filepath.Join(t.TempDir(), "out.pcapng")
		_, err := anonymizeCapture(context.Background(), o, path, out)
		if errors.Is(err, transform.ErrNothing) {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		is := readCapture(t, out)
		if len(was) != len(is) {
			t.Errorf("%s: %d packets became %d", path, len(was), len(is))
			continue
		}
		or := newOracle(o)
		for i := range was {
			if len(was[i].Data) != len(is[i].Data) {
				t.Errorf("%s: packet %d: %d bytes became %d", path, i+1, len(was[i].Data), len(is[i].Data))
			}
			if err := or.compare(&was[i], &is[i], false); err != nil {
				t.Errorf("%s: packet %d: %v", path, i+1, err)
			}
		}
		if noneLeft(t, out, or.addresses); t.Failed() {
			t.Fatal(path)
		}
	}
}

// TestTheSameBytes: for any number of workers, and from run to run.
func TestTheSameBytes(t *testing.T) {
	var want []byte
	for _, workers := range []int{1, 3, 1} {
		o := testOptions(t)
		o.Workers, o.Reader.BlockPackets = workers, 100
		out, _ := anonymous(t, o, bundledLab+"/tunnel_dns.pcapng.zst")
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if want != nil && !bytes.Equal(want, got) {
			t.Errorf("%d workers give other bytes", workers)
		}
		want = got
	}
}

// TestMasks: equal payloads become equal bytes, others others; cut ones end
// with the last header.
func TestMasks(t *testing.T) {
	path := bundledLab + "/web_sqli.pcapng.zst"
	was := readCapture(t, path)
	payloads := func(packets []pcapio.Packet) (list [][]byte) {
		table := layer.NewTable(layer.Options{})
		for i := range packets {
			table.Reset()
			table.Append(&packets[i], 0, nil)
			b, _ := first[schema.Bytes](table.Batch().Column("payload"))
			list = append(list, bytes.Clone(b))
		}
		return list
	}
	o := testOptions(t)
	o.Mask = MaskHash
	out, _ := anonymous(t, o, path)
	before, after, pairs := payloads(was), payloads(readCapture(t, out)), map[string]string{}
	for i := range before {
		if len(before[i]) < 8 {
			continue
		}
		if bytes.Equal(before[i], after[i]) {
			t.Fatalf("packet %d: payload is as it was", i+1)
		}
		if other, ok := pairs[string(before[i])]; ok && other != string(after[i]) {
			t.Fatalf("packet %d: an equal payload became another", i+1)
		}
		pairs[string(before[i])] = string(after[i])
	}
	if len(pairs) < 100 {
		t.Errorf("%d payloads compared", len(pairs))
	}
	o.Mask = MaskCut
	out, _ = anonymous(t, o, path)
	for i, p := range readCapture(t, out) {
		if want := len(was[i].Data) - len(before[i]); len(p.Data) > want || p.WireLen != was[i].WireLen {
			t.Fatalf("packet %d: %d bytes of %d, headers take %d", i+1, len(p.Data), p.WireLen, want)
		}
	}
}

// TestTimeShift: given or keyed, constant for all packets; one that does not
// fit is counted.
func TestTimeShift(t *testing.T) {
	path := bundledLab + "/scan_sweep.pcapng.zst"
	was := readCapture(t, path)
	shift := func(o *Options) time.Duration {
		o.shift = 0
		if err := o.check(); err != nil {
			t.Fatal(err)
		}
		out, _ := anonymous(t, o, path)
		is := readCapture(t, out)
		for i := range is {
			if is[i].Time-was[i].Time != is[0].Time-was[0].Time {
				t.Fatalf("packet %d is shifted by another time", i+1)
			}
		}
		return time.Duration(is[0].Time - was[0].Time)
	}
	o := testOptions(t)
	o.Shift = -48 * time.Hour
	if got := shift(o); got != o.Shift {
		t.Errorf("shifted by %v", got)
	}
	o.Shift, o.Keyed = 0, true
	keyed := shift(o)
	if again := shift(o); keyed != again || keyed < time.Second || keyed > maxShift*time.Second {
		t.Errorf("shifted by %v and %v", keyed, again)
	}
	o.Keyed, o.Shift = false, -100*365*24*time.Hour
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.pcapng")
	rep, err := anonymizeCapture(context.Background(), o, path, out)
	if err != nil || rep.Skipped[reasonTime] != int64(len(was)) || rep.Out != 0 {
		t.Errorf("before 1970: %v, %v", rep, err)
	}
}

// TestRunEndsDamaged: a damaged capture is kept to its damage, and said.
func TestRunEndsDamaged(t *testing.T) {
	dir := t.TempDir()
	whole, err := os.ReadFile("../../testdata/antinex/all_layers.pcap")
	if err != nil {
		t.Fatal(err)
	}
	in := filepath.Join(dir, "cut.pcap")
	if err := os.WriteFile(in, whole[:len(whole)-7], 0o600); err != nil {
		t.Fatal(err)
	}
	o := testOptions(t)
	o.Inputs, o.Output = []string{in}, filepath.Join(dir, "out.pcapng")
	rep, err := Run(context.Background(), *o)
	if !errors.Is(err, transform.ErrDamaged) || len(rep.Problems()) != 1 || rep.Captures[0].Out != 26 {
		t.Errorf("error %v, report %+v", err, rep)
	}
	o.Inputs = []string{filepath.Join(dir, "none.pcap")}
	if _, err := Run(context.Background(), *o); !errors.Is(err, transform.ErrNothing) {
		t.Errorf("a capture that is not there: %v", err)
	}
	var text strings.Builder
	rep.WriteText(&text)
	if strings.Contains(text.String(), sampleKey[:8]) {
		t.Error("the report has the key in it")
	}
}
