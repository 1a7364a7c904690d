package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/export"
	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
)

const start = 1_700_000_000_000_000_000

// frame is a packet on the wire: Ethernet, IPv4 with DF, and TCP or UDP.
func frame(src, dst byte, sport, dport uint16, tcp bool, payload string) []byte {
	l4 := 8
	if tcp {
		l4 = 20
	}
	b := append([]byte{2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 8, 0}, make([]byte, 20+l4)...)
	ip := b[14:]
	ip[0], ip[6], ip[8], ip[9] = 0x45, 0x40, 64, 17
	binary.BigEndian.PutUint16(ip[2:], uint16(20+l4+len(payload)))
	copy(ip[12:], []byte{10, 0, 0, src, 10, 0, 0, dst})
	t := ip[20:]
	binary.BigEndian.PutUint16(t, sport)
	binary.BigEndian.PutUint16(t[2:], dport)
	if tcp {
		ip[9] = 6
		binary.BigEndian.PutUint32(t[4:], 1000)
		binary.BigEndian.PutUint32(t[8:], 0)
		t[12], t[13] = 0x50, 0x02
		binary.BigEndian.PutUint16(t[14:], 512)
	} else {
		binary.BigEndian.PutUint16(t[4:], uint16(8+len(payload)))
	}
	return append(b, payload...)
}

type timed struct {
	ms   int
	data []byte
}

// table makes a packets table of packets. Host 66 attacks; of host 99 nobody
// knows anything.
func table(t *testing.T, packets []timed) string {
	t.Helper()
	dir := t.TempDir()
	var out bytes.Buffer
	w, err := pcapio.NewWriter(&out, pcapio.WriterOptions{}, pcapio.Interface{LinkType: pcapio.LinkEthernet})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if err := w.Write(&pcapio.Packet{Time: start + int64(p.ms)*1e6, Data: p.data}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	capture, path := filepath.Join(dir, "a.pcapng"), filepath.Join(dir, "packets.parquet")
	if err := os.WriteFile(capture, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = transform.Run(context.Background(), transform.Options{
		Inputs: []string{capture}, Packets: transform.Output{Path: path}, Annotate: func() transform.Annotator { return newLabeller() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

type labeller struct {
	columns label.Columns
	batch   *schema.Batch
}

func newLabeller() *labeller {
	l := &labeller{}
	l.batch = schema.Of(&l.columns)
	return l
}

func (l *labeller) Batch() *schema.Batch { return l.batch }

func (l *labeller) Annotate(src *schema.Batch) {
	from, to := schema.Walk[schema.IPv4](src.Column("ip_src")), schema.Walk[schema.IPv4](src.Column("ip_dst"))
	for row := range src.Rows {
		a, _ := from.At(row)
		b, _ := to.At(row)
		class := "benign"
		switch {
		case a[3] == 99 || b[3] == 99:
			class = "unknown"
		case a[3] == 66 || b[3] == 66:
			class = "attack"
			l.columns.Label.Set(row, schema.Text("flood"))
		default:
			l.columns.Label.Set(row, schema.Text("benign"))
		}
		l.columns.Class.Append(schema.Text(class))
	}
	l.batch.Rows = src.Rows
}

// all is a split that leaves everything to training.
var all = features.SplitSpec{Kind: features.Random, Train: 1}

func run(t *testing.T, opt export.Options) (*export.Result, string) {
	t.Helper()
	opt.Output = filepath.Join(t.TempDir(), "out")
	res, err := export.Run(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return res, opt.Output
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestETBERT: the text is payload and nothing else, pairs overlap by a byte,
// packets and bytes are cut where they should be.
func TestETBERT(t *testing.T) {
	packets := []timed{
		{0, frame(1, 2, 1234, 53, false, "ABCDEF")},
		{1, frame(2, 1, 53, 1234, false, "xy")},
		{2, frame(1, 2, 1234, 53, false, "z")}, // no pair
		{3, frame(66, 2, 7, 80, true, "")},
		{4, frame(66, 2, 7, 80, true, "GET")},
		{5, frame(99, 2, 7, 80, true, "GET")},
		{6, frame(1, 2, 1234, 53, false, "third")},
	}
	res, dir := run(t, export.Options{Table: table(t, packets), Tool: "et-bert", Split: all, Packets: 2, Tokens: 3})
	want := "label\ttext_a\n0\t4142 4243 4344 7879\n1\t4745 4554\n"
	if got := read(t, dir, "train_dataset.tsv"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := read(t, dir, "labels.tsv"); got != "label\tname\n0\tbenign\n1\tflood\n" {
		t.Errorf("labels %q", got)
	}
	if res.Rows != 7 || res.Used != 3 || res.Left["of samples that no label covers"] != 1 || res.Left["beyond the packets that a sample takes"] != 1 {
		t.Errorf("%+v", res)
	}
	_, dir = run(t, export.Options{Table: table(t, packets), Tool: "et-bert", Split: all, Level: "packet", Tokens: 1})
	want = "label\ttext_a\n0\t4142\n0\t7879\n1\t4745\n0\t7468\n"
	if got := read(t, dir, "train_dataset.tsv"); got != want {
		t.Errorf("by packet: got\n%swant\n%s", got, want)
	}
}

// TestDenseLabels: a label without training samples is left out, since the
// tool counts the labels in the training file.
func TestDenseLabels(t *testing.T) {
	var packets []timed
	for i := range 40 {
		packets = append(packets, timed{100 * i, frame(1, 2, uint16(1000+i), 53, false, "benign")})
	}
	packets = append(packets, timed{4100, frame(66, 2, 9, 80, false, "attack")})
	spec := features.SplitSpec{Kind: features.ByClass, Holdout: "flood"}
	res, dir := run(t, export.Options{Table: table(t, packets), Tool: "et-bert", Split: spec})
	if res.Samples["flood"]["test"] != 1 || res.Left["of labels without training samples"] != 1 {
		t.Errorf("%+v", res)
	}
	for _, part := range []string{"train", "valid", "test"} {
		lines := strings.Split(strings.TrimSpace(read(t, dir, part+"_dataset.tsv")), "\n")
		for _, line := range lines[1:] {
			if !strings.HasPrefix(line, "0\t") {
				t.Errorf("%s: %s", part, line)
			}
		}
		if len(lines) != res.Samples["benign"][part]+1 {
			t.Errorf("%s: %d lines, %v", part, len(lines), res.Samples)
		}
	}
}

// array reads an array of an .npz file.
func array(t *testing.T, path, name string) (header string, data []byte) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := z.Open(name + ".npy")
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	n := 10 + int(binary.LittleEndian.Uint16(all[8:]))
	if n%64 != 0 || string(all[:8]) != "\x93NUMPY\x01\x00" || all[n-1] != '\n' {
		t.Errorf("%s: header of %d bytes %q", name, n, all[:n])
	}
	return strings.TrimSpace(string(all[10:n])), all[n:]
}

// TestLUCID: windows, the first ten packets, both directions together, and
// each feature of a packet.
func TestLUCID(t *testing.T) {
	packets := []timed{{0, frame(66, 2, 7, 80, true, "abc")}, {250, frame(2, 66, 80, 7, true, "")}, {300, frame(99, 2, 1, 1, false, "?")}}
	for i := range 12 {
		packets = append(packets, timed{1000 + i, frame(1, 2, 5, 53, false, "q")})
	}
	packets = append(packets, timed{10_001, frame(1, 2, 5, 53, false, "next window")})
	res, dir := run(t, export.Options{Table: table(t, packets), Tool: "lucid", Split: all})
	file := filepath.Join(dir, "10t-10n-pcapline-dataset-train.npz")
	header, data := array(t, file, "set_x")
	if header != "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 10, 11,), }" || len(data) != 3*10*11*4 {
		t.Fatalf("%s, %d bytes", header, len(data))
	}
	value := func(sample, packet, feature int) float64 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*(110*sample+11*packet+feature):])))
	}
	// SHA-256 of "DATA" modulo 10^8, as Python says.
	const dataHash = 49489976
	for i, want := range []float64{0, 43. / 65536, dataHash / 4294967296., 0x4000 / 65536., (1<<1 | 1<<6 | 1<<10) / 4096., 3. / 65536, 0, 2. / 65536, 512. / 65536, 0, 0} {
		if got := value(0, 0, i); math.Abs(got-want) > 1e-7 {
			t.Errorf("feature %d is %g, want %g", i, got, want)
		}
	}
	if got := value(0, 1, 0); math.Abs(got-0.025) > 1e-7 {
		t.Errorf("time of the second packet is %g", got)
	}
	for sample, count := range []int{2, 10, 1} {
		for packet := range 10 {
			if (value(sample, packet, 1) > 0) != (packet < count) {
				t.Errorf("sample %d, packet %d: length %g", sample, packet, value(sample, packet, 1))
			}
		}
	}
	header, y := array(t, file, "set_y")
	if header != "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }" || y[0] != 1 || y[8] != 0 || y[16] != 0 {
		t.Errorf("%s %v", header, y)
	}
	if res.Used != 13 || res.Left["beyond the 10 packets of a window"] != 2 || res.Left["of samples that no label covers"] != 1 {
		t.Errorf("%+v", res)
	}
}

func TestKitsune(t *testing.T) {
	packets := []timed{{0, frame(66, 2, 7, 80, true, "abc")}, {1, frame(1, 2, 5, 53, false, "q")}, {2, frame(99, 2, 1, 1, false, "?")}}
	_, dir := run(t, export.Options{Table: table(t, packets), Tool: "kitsune"})
	want := "1700000000.000000000\t57\t02:00:00:00:00:42\t02:00:00:00:00:02\t10.0.0.66\t10.0.0.2\t7\t80" + strings.Repeat("\t", 11) + "\n"
	if got := strings.SplitAfter(read(t, dir, "a.pcapng.tsv"), "\n"); got[1] != want || len(got) != 5 {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := read(t, dir, "a.pcapng_labels.csv"); got != "\"\",\"x\"\n\"1\",1\n\"2\",0\n\"3\",NA\n" {
		t.Errorf("labels %q", got)
	}
}

// labTable makes a labelled packets table of bundled captures.
func labTable(t *testing.T, names ...string) string {
	t.Helper()
	lab := filepath.Join("..", "..", "testdata", "lab")
	var inputs []string
	for _, n := range names {
		inputs = append(inputs, filepath.Join(lab, n+".pcapng.zst"))
	}
	rules, err := label.Load(filepath.Join(lab, "truth.csv"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := label.NewAnnotator(rules, transform.CaptureNames(inputs))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "packets.parquet")
	_, err = transform.Run(context.Background(), transform.Options{
		Inputs: inputs, Packets: transform.Output{Path: path}, Annotate: func() transform.Annotator { return a.Clone() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestKitsuneIsTshark: byte for byte what Kitsune takes from tshark, but for
// the ports that ICMP errors quote.
func TestKitsuneIsTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("no tshark: make tools installs it")
	}
	names := []string{"scan_udp", "dos_frag", "ipv6_ra_flood", "web_sqli"}
	_, dir := run(t, export.Options{Table: labTable(t, names...), Tool: "kitsune"})
	for _, name := range names {
		header, _, _ := strings.Cut(read(t, dir, name+".pcapng.zst.tsv"), "\n")
		args := []string{"-n", "-o", "ip.defragment:false", "-o", "ipv6.defragment:false", "-r", filepath.Join("..", "..", "testdata", "lab", name+".pcapng.zst"), "-T", "fields", "-E", "header=y", "-E", "occurrence=f"}
		for f := range strings.SplitSeq(header, "\t") {
			args = append(args, "-e", f)
		}
		out, err := exec.Command("tshark", args...).Output()
		if err != nil {
			t.Skipf("this tshark does not read zstd: %v", err)
		}
		ours, theirs := strings.Split(read(t, dir, name+".pcapng.zst.tsv"), "\n"), strings.Split(string(out), "\n")
		if len(ours) != len(theirs) {
			t.Errorf("%s: %d lines, tshark has %d", name, len(ours), len(theirs))
			continue
		}
		for i := range ours {
			cells := strings.Split(theirs[i], "\t")
			if len(cells) > 10 && (cells[10] == "3" || cells[10] == "11") {
				cells[6], cells[7], cells[8], cells[9] = "", "", "", ""
			}
			if want := strings.Join(cells, "\t"); ours[i] != want {
				t.Fatalf("%s, line %d:\n%s\ntshark:\n%s", name, i+1, ours[i], want)
			}
		}
	}
}

// TestSplitKeepsFlowsWhole: no conversation of a capture is on both sides, and
// two runs give the same bytes.
func TestSplitKeepsFlowsWhole(t *testing.T) {
	path := labTable(t, "web_sqli", "dos_http_flood")
	_, dir := run(t, export.Options{Table: path, Tool: "lucid"})
	side := map[string]string{}
	latest := map[string]map[uint64]int64{}
	for _, part := range []string{"train", "val", "test"} {
		file := filepath.Join(dir, "10t-10n-pcapline-dataset-"+part+".npz")
		_, keys := array(t, file, "flow_key")
		_, captures := array(t, file, "capture")
		_, starts := array(t, file, "start_ns")
		latest[part] = map[uint64]int64{}
		for i := 0; i < len(keys); i += 8 {
			c := binary.LittleEndian.Uint64(captures[i:])
			k := fmt.Sprintf("%d %x", c, keys[i:i+8])
			if s := side[k]; s != "" && s != part {
				t.Errorf("conversation %s is in %s and %s", k, s, part)
			}
			side[k] = part
			ts := int64(binary.LittleEndian.Uint64(starts[i:]))
			latest[part][c] = max(latest[part][c], ts)
			if part == "test" && ts <= latest["train"][c] {
				t.Errorf("a test sample of capture %d begins before a training sample", c)
			}
		}
	}
	_, again := run(t, export.Options{Table: path, Tool: "lucid"})
	for _, name := range []string{"10t-10n-pcapline-dataset-train.npz", "export.json"} {
		if read(t, dir, name) != read(t, again, name) {
			t.Errorf("%s differs between two runs", name)
		}
	}
	var meta export.Result
	if err := json.Unmarshal([]byte(read(t, dir, "export.json")), &meta); err != nil || meta.Split == nil || len(meta.Split.Cuts) != 2 {
		t.Errorf("export.json: %v, %+v", err, meta)
	}
}

func TestErrors(t *testing.T) {
	packets := table(t, []timed{{0, frame(99, 2, 7, 80, true, "abc")}})
	dir := t.TempDir()
	narrow := filepath.Join(dir, "narrow.parquet")
	if _, err := transform.Rewrite(context.Background(), packets, transform.Output{Path: narrow, Columns: []string{"file_id", "ts_ns"}}, nil, nil); err != nil {
		t.Fatal(err)
	}
	for want, opt := range map[string]export.Options{
		"no tool":                    {Table: packets, Tool: "yatc"},
		"no sample has a label":      {Table: packets, Tool: "et-bert"},
		"has no column":              {Table: narrow, Tool: "kitsune"},
		"is neither flow nor packet": {Table: packets, Tool: "et-bert", Level: "byte"},
		"open table":                 {Table: filepath.Join(dir, "none"), Tool: "lucid"},
		"shares must not be":         {Table: labTable(t, "web_sqli"), Tool: "lucid", Split: features.SplitSpec{Train: 0.2}},
	} {
		opt.Output = filepath.Join(dir, "out")
		if _, err := export.Run(context.Background(), opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*out*")); len(left) > 0 {
			t.Errorf("%s: left behind %v", want, left)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".out*")); len(left) > 0 {
			t.Errorf("%s: left behind %v", want, left)
		}
	}
}
