package slice_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/slice"
	"github.com/pcapline/pcapline/transform/source"
)

func lab(name string) string { return filepath.Join("..", "..", "testdata", "lab", name+".pcapng.zst") }

// packet is a packet as a test compares it.
type packet struct {
	data      string
	time      int64
	wire      uint32
	link      pcapio.LinkType
	iface     string
	direction pcapio.Direction
	comment   string
}

func readPackets(t *testing.T, path string) (list []packet) {
	t.Helper()
	r, err := pcapio.Open(path, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var p pcapio.Packet
	for {
		err := r.Next(&p)
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, packet{string(p.Data), p.Time, p.WireLen, p.LinkType, r.File().Interfaces[p.Interface].Name, p.Direction, p.Comment})
	}
}

func run(t *testing.T, opt slice.Options) *slice.Result {
	t.Helper()
	res, err := slice.Run(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// odd makes a capture with all that must survive: two interfaces of different
// link types, nanoseconds, disorder, directions, comments, cut packets.
func odd(t *testing.T, name string) string {
	t.Helper()
	var out bytes.Buffer
	w, err := pcapio.NewWriter(&out, pcapio.WriterOptions{}, pcapio.Interface{
		Name: "eth0", LinkType: pcapio.LinkEthernet, SnapLen: 64, Filter: "ip", MAC: "02:00:00:00:00:01",
		Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}, OS: "Linux", Speed: 1e9, FCSLen: 4,
	}, pcapio.Interface{Name: "wlan0", LinkType: pcapio.LinkIEEE80211})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range []pcapio.Packet{
		{Time: 1_700_000_000_000_000_001, Data: []byte{1, 2, 3}, WireLen: 1500, Direction: pcapio.Inbound, Comment: "first"},
		{Time: 1_700_000_000_000_000_003, Data: []byte{4}, Interface: 1, Direction: pcapio.Outbound},
		{Time: 1_700_000_000_000_000_002, Data: []byte{}, Comment: "late\nand empty"},
		{Time: 1_700_000_001_000_000_000, Data: []byte{5}, Interface: 1},
	} {
		if err := w.Write(&p); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatIsKept(t *testing.T) {
	a, b := odd(t, "a.pcapng"), odd(t, "b.pcapng")
	out := filepath.Join(t.TempDir(), "out.pcapng")
	res := run(t, slice.Options{Inputs: []string{a, b}, Output: out})
	want := append(readPackets(t, a), readPackets(t, b)...)
	if got := readPackets(t, out); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if res.In != 8 || res.Out != 8 {
		t.Errorf("%+v", res)
	}
	before, err := pcapio.Open(a, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	after, err := pcapio.Open(out, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	var p pcapio.Packet
	for range 4 {
		_, _ = before.Next(&p), after.Next(&p)
	}
	if got, want := fmt.Sprintf("%+v", after.File().Interfaces), fmt.Sprintf("%+v", before.File().Interfaces); got != want {
		t.Errorf("interfaces\n%s\nwant\n%s", got, want)
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// TestTime: the range is half-open, to the nanosecond.
func TestTime(t *testing.T) {
	in := odd(t, "a.pcapng")
	out := filepath.Join(t.TempDir(), "out.pcapng")
	from, to, err := slice.ParseTimes("1700000000.000000001..2023-11-14T22:13:20.000000003Z")
	if err != nil {
		t.Fatal(err)
	}
	res := run(t, slice.Options{Inputs: []string{in}, Output: out, Select: slice.Selection{From: from, To: to}})
	got := readPackets(t, out)
	if len(got) != 2 || got[0].comment != "first" || got[1].comment != "late\nand empty" || res.Left["outside of the time"] != 2 {
		t.Errorf("%v, %+v", got, res)
	}
}

func TestParseTimes(t *testing.T) {
	for text, want := range map[string][2]int64{
		"1.5..2":                      {1_500_000_000, 2_000_000_000},
		"-1.25..":                     {-1_250_000_000, slice.Latest},
		"..1795430831.123456789":      {slice.Earliest, 1795430831123456789},
		"..":                          {slice.Earliest, slice.Latest},
		"2018-01-29T14:36:35+01:00..": {time.Date(2018, 1, 29, 13, 36, 35, 0, time.UTC).UnixNano(), slice.Latest},
		"1970-01-01T00:00:00Z..1970-01-01T00:00:00.5Z": {0, 500_000_000},
	} {
		from, to, err := slice.ParseTimes(text)
		if err != nil || from != want[0] || to != want[1] {
			t.Errorf("%s: %d, %d, %v", text, from, to, err)
		}
	}
	for _, text := range []string{"", "1", "2..1", "1..1", "a..", "..1.", "1.0000000001..", "1.-5..", "9999999999999..", "3000-01-01T00:00:00Z..", "1.+5.."} {
		if _, _, err := slice.ParseTimes(text); err == nil || !strings.Contains(err.Error(), "time") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

// flowsTable makes a flows table with a label: attack for flows of more than
// three packets, none for ARP, benign for the rest.
func flowsTable(t *testing.T, cfg flow.Config, captures ...string) (path string, rows map[int64]int64) {
	t.Helper()
	path, rows = filepath.Join(t.TempDir(), "flows.parquet"), map[int64]int64{}
	opt := transform.Options{Inputs: captures, Flows: transform.Output{Path: path}, Flow: cfg}
	opt.Annotate = func() transform.Annotator { return newLabeller() }
	if _, err := transform.Run(context.Background(), opt); err != nil {
		t.Fatal(err)
	}
	tab, err := source.OpenWith(path, source.Options{Columns: []string{"flow_id", "flow_packets"}})
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	b := schema.FromFields(tab.Schema())
	for tab.Next(b) == nil {
		id, n := schema.Walk[int64](b.Column("flow_id")), schema.Walk[int64](b.Column("flow_packets"))
		for row := range b.Rows {
			k, _ := id.At(row)
			rows[k], _ = n.At(row)
		}
	}
	return path, rows
}

type labeller struct {
	columns struct {
		schema.Layer `name:"label" every:"row"`
		Label        schema.Optional[schema.Text] `name:"label" role:"label" doc:"A."`
		Class        schema.Values[schema.Text]   `name:"label_class" role:"label" doc:"A."`
	}
	batch *schema.Batch
}

func newLabeller() *labeller {
	l := &labeller{}
	l.batch = schema.Of(&l.columns)
	return l
}

func (l *labeller) Batch() *schema.Batch { return l.batch }

func (l *labeller) Annotate(src *schema.Batch) {
	l.batch.Reset()
	n, packets := schema.Walk[int64](src.Column("flow_packets")), src.Column("flow_packets") == nil
	proto := schema.Walk[uint8](src.Column("ip_proto"))
	for row := range src.Rows {
		count, _ := n.At(row)
		switch _, ip := proto.At(row); {
		case !ip:
			l.columns.Class.Append(schema.Text("unknown"))
		case !packets && count > 3:
			l.columns.Label.Set(row, schema.Text("many/packets"))
			l.columns.Class.Append(schema.Text("attack"))
		default:
			l.columns.Label.Set(row, schema.Text("benign"))
			l.columns.Class.Append(schema.Text("benign"))
		}
	}
	l.batch.Rows = src.Rows
}

// TestSplitByFlow: each file holds one flow, whole, and together they hold
// every packet of a flow; also fragments, and more files than are open at a time.
func TestSplitByFlow(t *testing.T) {
	for _, name := range []string{"web_sqli", "dos_frag", "scan_sweep"} {
		t.Run(name, func(t *testing.T) {
			table, rows := flowsTable(t, flow.Config{}, lab(name))
			out := filepath.Join(t.TempDir(), "out")
			res := run(t, slice.Options{Inputs: []string{lab(name)}, Output: out, Split: slice.ByFlow, Select: slice.Selection{Table: table}})
			if len(res.Files) != len(rows) {
				t.Fatalf("%d files, %d flows", len(res.Files), len(rows))
			}
			var total int64
			for i, f := range res.Files {
				var id int64
				base := strings.TrimSuffix(filepath.Base(f.Path), ".pcapng")
				if _, err := fmt.Sscan(base[strings.LastIndexByte(base, '_')+1:], &id); err != nil {
					t.Fatal(err)
				}
				if total += f.Packets; f.Packets != rows[id] {
					t.Errorf("%s: %d packets, the flow has %d", f.Path, f.Packets, rows[id])
				}
				if i%max(len(rows)/50, 1) == 0 {
					if got := int64(len(readPackets(t, f.Path))); got != f.Packets {
						t.Errorf("%s holds %d packets, not %d", f.Path, got, f.Packets)
					}
				}
			}
			if total != res.Out || res.In != res.Out+res.Left["of no flow"] {
				t.Errorf("%d packets in files, %+v", total, res.Left)
			}
		})
	}
}

// TestSplitWithoutTable finds the flows itself, the same ones.
func TestSplitWithoutTable(t *testing.T) {
	_, rows := flowsTable(t, flow.Config{IdleTimeout: time.Second}, lab("scan_udp"))
	dir := t.TempDir()
	opt := slice.Options{
		Inputs: []string{lab("scan_udp")}, Output: filepath.Join(dir, "out"), Split: slice.ByFlow, Flow: flow.Config{IdleTimeout: time.Second},
	}
	if res := run(t, opt); len(res.Files) != len(rows) {
		t.Errorf("%d files, %d flows", len(res.Files), len(rows))
	}
	if _, err := slice.Run(context.Background(), opt); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("into a folder with files: error %v", err)
	}
	opt.Output, opt.MaxFiles = filepath.Join(dir, "few"), 3
	if _, err := slice.Run(context.Background(), opt); err == nil || !strings.Contains(err.Error(), "more than 3 files") {
		t.Errorf("too many files: error %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestLabels: by a flows table and by a packets table the right packets, with
// pcapml's comments, in files named safely.
func TestLabels(t *testing.T) {
	flows, rows := flowsTable(t, flow.Config{}, lab("web_sqli"))
	dir := t.TempDir()
	packets := filepath.Join(dir, "packets.parquet")
	_, err := transform.Run(context.Background(), transform.Options{
		Inputs: []string{lab("web_sqli")}, Packets: transform.Output{Path: packets},
		Annotate: func() transform.Annotator { return newLabeller() },
	})
	if err != nil {
		t.Fatal(err)
	}
	var many int64
	for _, n := range rows {
		if n > 3 {
			many += n
		}
	}
	out := filepath.Join(dir, "many.pcapng")
	opt := slice.Options{Inputs: []string{lab("web_sqli")}, Output: out, PcapML: true, Select: slice.Selection{Table: flows, Labels: []string{"many/packets"}}}
	if res := run(t, opt); res.Out != many || res.Rows >= int64(len(rows)) {
		t.Errorf("%d packets with the label, want %d", res.Out, many)
	}
	samples := map[string]int64{}
	for _, p := range readPackets(t, out) {
		id, label, _ := strings.Cut(p.comment, ",")
		if samples[id]++; label != "many/packets" {
			t.Errorf("comment %q", p.comment)
		}
	}
	for id, n := range samples {
		var flow int64
		if fmt.Sscan(id, &flow); rows[flow] != n {
			t.Errorf("sample %s has %d packets, the flow %d", id, n, rows[flow])
		}
	}
	for _, table := range []string{flows, packets} {
		opt.Select = slice.Selection{Table: table}
		opt.Output, opt.Split = table+".d", slice.ByLabel
		res := run(t, opt)
		var names []string
		for _, f := range res.Files {
			names = append(names, filepath.Base(f.Path))
		}
		want := "benign.pcapng many%2Fpackets.pcapng unknown.pcapng"
		if table == packets {
			want = "benign.pcapng unknown.pcapng"
		}
		if got := strings.Join(names, " "); got != want || res.Out != res.In {
			t.Errorf("%s: files %s, want %s; %d of %d packets", table, got, want, res.Out, res.In)
		}
	}
}

func TestCommunityIDAndFilter(t *testing.T) {
	dir := t.TempDir()
	all := run(t, slice.Options{Inputs: []string{lab("web_sqli")}, Output: filepath.Join(dir, "ssh"), Select: slice.Selection{Filter: "tcp port 22 and host 10.77.3.22"}})
	one := run(t, slice.Options{Inputs: []string{lab("web_sqli")}, Output: filepath.Join(dir, "one"), Select: slice.Selection{
		CommunityIDs: []string{"1:bqiogmRBBFcyWdPuDNZl6ppLxFY="}, Filter: "tcp port 22",
	}})
	if one.Out != 56 || all.Out <= one.Out || one.Out+one.Left["of another Community ID"]+one.Left["not accepted by the filter"] != one.In {
		t.Errorf("%+v, %+v", all, one)
	}
	res := run(t, slice.Options{Inputs: []string{odd(t, "a.pcapng")}, Output: filepath.Join(dir, "odd"), Select: slice.Selection{Filter: "ip"}})
	if res.Left["link type IEEE802_11, for which the filter means nothing"] != 2 {
		t.Errorf("%+v", res.Left)
	}
}

// TestOtherName: ids and files follow the table, also when only the
// second capture is given, by another name.
func TestOtherName(t *testing.T) {
	table, _ := flowsTable(t, flow.Config{}, lab("scan_udp"), lab("web_sqli"))
	data, err := os.ReadFile(lab("web_sqli"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	renamed := filepath.Join(dir, "x.zst")
	if err := os.WriteFile(renamed, data, 0o644); err != nil {
		t.Fatal(err)
	}
	res := run(t, slice.Options{Inputs: []string{renamed}, Output: filepath.Join(dir, "out"), Select: slice.Selection{Table: table, Flows: []int64{1<<32 + 1}}})
	if res.Out != 20 || !slices.Equal(res.Absent, []string{"scan_udp.pcapng.zst"}) {
		t.Errorf("%+v", res)
	}
}

func TestErrors(t *testing.T) {
	table, _ := flowsTable(t, flow.Config{IdleTimeout: 100 * time.Millisecond}, lab("web_sqli"))
	unlabelled := filepath.Join(t.TempDir(), "flows.parquet")
	if _, err := transform.Run(context.Background(), transform.Options{Inputs: []string{lab("scan_udp")}, Flows: transform.Output{Path: unlabelled}}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	for name, c := range map[string]struct {
		opt  slice.Options
		want string
	}{
		"other options": {slice.Options{Select: slice.Selection{Table: table}}, "are not those of"},
		"no label":      {slice.Options{Select: slice.Selection{Table: table, Labels: []string{"x"}}}, "no row has label x"},
		"unlabelled":    {slice.Options{Select: slice.Selection{Table: unlabelled, Labels: []string{"x"}}}, "no column label"},
		"other capture": {slice.Options{Select: slice.Selection{Table: unlabelled}}, "is none of the captures"},
		"filter":        {slice.Options{Select: slice.Selection{Filter: "tcp port"}}, "column"},
		"needs a table": {slice.Options{Select: slice.Selection{Classes: []string{"attack"}}}, "labelled table"},
		"split":         {slice.Options{Split: "host"}, "none of flow, label"},
		"split, pcapml": {slice.Options{Split: slice.ByFlow, PcapML: true}, "need the labels"},
		"split, label":  {slice.Options{Split: slice.ByLabel}, "needs a labelled table"},
		"no table":      {slice.Options{Select: slice.Selection{Table: lab("web_sqli")}}, "not a table"},
	} {
		c.opt.Inputs, c.opt.Output = []string{lab("web_sqli")}, out
		if _, err := slice.Run(context.Background(), c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Fatalf("%s: left behind %v", name, left)
		}
	}
}

// TestDamage: what was readable is written, and the place is named.
func TestDamage(t *testing.T) {
	data, err := os.ReadFile(odd(t, "a.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	torn, out := filepath.Join(dir, "torn.pcapng"), filepath.Join(dir, "out.pcapng")
	if err := os.WriteFile(torn, data[:len(data)-5], 0o644); err != nil {
		t.Fatal(err)
	}
	res, err := slice.Run(context.Background(), slice.Options{Inputs: []string{torn}, Output: out})
	if !errors.Is(err, transform.ErrDamaged) || res.Out != 3 || len(res.Damaged) != 1 || !strings.Contains(res.Damaged[0], "packet 4 at byte") {
		t.Errorf("%v, %+v", err, res)
	}
	if got := readPackets(t, out); len(got) != 3 {
		t.Errorf("%d packets", len(got))
	}
	_, err = slice.Run(context.Background(), slice.Options{Inputs: []string{filepath.Join(dir, "none")}, Output: filepath.Join(dir, "o")})
	if !errors.Is(err, transform.ErrNothing) {
		t.Errorf("a missing capture: error %v", err)
	}
}

// TestWireshark: capinfos and tshark read what was cut, and tshark's own
// filter finds the same packets.
func TestWireshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("no tshark: make tools installs it")
	}
	out := filepath.Join(t.TempDir(), "out.pcapng")
	run(t, slice.Options{Inputs: []string{odd(t, "a.pcapng")}, Output: out})
	text, err := exec.Command("tshark", "-n", "-r", out, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len",
		"-e", "frame.interface_name", "-e", "frame.comment", "-e", "frame.packet_flags_direction").Output()
	want := "1700000000.000000001\t1500\t3\teth0\tfirst\t0x00000001\n" +
		"1700000000.000000003\t1\t1\twlan0\t\t0x00000002\n" +
		"1700000000.000000002\t0\t0\teth0\tlate\\nand empty\t\n" +
		"1700000001.000000000\t1\t1\twlan0\t\t\n"
	if err != nil || string(text) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, text, want)
	}
	zst := lab("web_sqli")
	run(t, slice.Options{Inputs: []string{zst}, Output: out, Select: slice.Selection{Filter: "tcp port 22"}})
	ours, err := exec.Command("tshark", "-n", "-r", out, "-T", "fields", "-e", "frame.time_epoch").Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := exec.Command("tshark", "-n", "-r", zst, "-Y", "tcp.port == 22", "-T", "fields", "-e", "frame.time_epoch").Output()
	if err != nil {
		t.Skipf("this tshark does not read zstd: %v", err)
	}
	if !bytes.Equal(ours, theirs) {
		t.Errorf("%d bytes of times, tshark has %d", len(ours), len(theirs))
	}
}
