package label_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// segment is a packet of a test capture: TCP from port sport to 80 of another
// host, or the way back.
type segment struct {
	sport   layers.TCPPort
	back    bool
	payload string
	comment string
}

// capture writes the segments to a pcapng file, one a second.
func capture(t *testing.T, segments ...segment) string {
	t.Helper()
	var file bytes.Buffer
	w, err := pcapio.NewWriter(&file, pcapio.WriterOptions{}, pcapio.Interface{LinkType: pcapio.LinkEthernet})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range segments {
		eth := &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: []byte{192, 0, 2, 1}, DstIP: []byte{192, 0, 2, 2}}
		tcp := &layers.TCP{SrcPort: s.sport, DstPort: 80, ACK: true, Window: 1000, Seq: uint32(i)}
		if s.back {
			ip.SrcIP, ip.DstIP, tcp.SrcPort, tcp.DstPort = ip.DstIP, ip.SrcIP, 80, s.sport
		}
		if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		buf := gopacket.NewSerializeBuffer()
		err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, tcp, gopacket.Payload(s.payload))
		if err != nil {
			t.Fatal(err)
		}
		data := buf.Bytes()
		err = w.Write(&pcapio.Packet{
			Data: data, WireLen: uint32(len(data)), LinkType: pcapio.LinkEthernet,
			Time: int64(1_600_000_000+i) * 1e9, Comment: s.comment,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.pcapng")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// column gives a text column of a table, "-" for null.
func column(t *testing.T, table, name string) []string {
	t.Helper()
	tab, err := source.Open(table)
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	b := schema.FromFields(tab.Schema())
	var out []string
	for {
		err := tab.Next(b)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		c := b.Column(name)
		for row, i := 0, 0; row < b.Rows; row++ {
			if !c.Presence().Has(row) {
				out = append(out, "-")
				continue
			}
			out = append(out, string(c.AppendText(nil, i)))
			i++
		}
	}
}

// tables labels a capture with the rules while packets and flows are made.
func tables(t *testing.T, path string, rules *label.Rules, workers int) (packets, flows string, rep *label.Report) {
	t.Helper()
	a, err := label.NewAnnotator(rules, transform.CaptureNames([]string{path}))
	if err != nil {
		t.Fatal(err)
	}
	a = a.WithAlignment()
	dir := t.TempDir()
	packets, flows = filepath.Join(dir, "packets.parquet"), filepath.Join(dir, "flows.parquet")
	_, err = transform.Run(context.Background(), transform.Options{
		Inputs: []string{path}, Workers: workers, UnitRows: 2,
		Reader:  pcapio.Options{BlockPackets: 2},
		Packets: transform.Output{Path: packets}, Flows: transform.Output{Path: flows},
		Annotate: func() transform.Annotator { return a.Clone() },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Err(); err != nil {
		t.Fatal(err)
	}
	return packets, flows, label.NewReport(rules, a.Hits()...)
}

func rulesFrom(t *testing.T, text string) *label.Rules {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	rules, err := label.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func expect(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if s := strings.Join(got, " "); s != want {
		t.Errorf("%s: %s; want %s", what, s, want)
	}
}

func TestCommentsLabelPacketsAndTheirFlows(t *testing.T) {
	path := capture(t,
		segment{sport: 1000, comment: "s1,web,app=nginx"},
		segment{sport: 2000, comment: "for people, not for us"},
		segment{sport: 1000, back: true, comment: "s1,web"},
		segment{sport: 2000, back: true},
		segment{sport: 3000, comment: "first comment\ns2,benign"},
		segment{sport: 1000, comment: "s3,mail"},
	)
	for _, workers := range []int{1, 3} {
		packets, flows, rep := tables(t, path, label.Comments(), workers)
		expect(t, "packets", column(t, packets, "label"), "web - web - benign mail")
		expect(t, "classes", column(t, packets, "label_class"), "attack unknown attack unknown benign attack")
		expect(t, "rules", column(t, packets, "label_rule")[:2], "pcapng comment -")
		expect(t, "ports, in the order in which flows end", column(t, flows, "src_port"), "2000 3000 1000")
		expect(t, "flows", column(t, flows, "label"), "- benign web")
		if c := rep.Tables[1].Conflicts; c != 1 { // of the flow with two labels
			t.Errorf("%d conflicts", c)
		}
		if p := rep.Tables[0]; p.OddComments != 1 || p.Labels["web"] != 2 || p.Attack != 3 || p.Benign != 1 {
			t.Errorf("report %+v", p)
		}
		if p := rep.Problem(); p != "" {
			t.Error(p)
		}
	}
}

func TestRulesAndCommentsByPriority(t *testing.T) {
	path := capture(t, segment{sport: 1000, comment: "a,web"}, segment{sport: 2000, comment: "a,web"}, segment{sport: 3000, comment: "a,web"}, segment{sport: 4000})
	rules := label.Merge(rulesFrom(t, `
zone: UTC
rules:
  - {id: low, label: benign}
  - {id: same, src_port: 2000, label: scan}
  - {id: high, src_port: 3000, label: dos, priority: 1}
`), label.Comments())
	packets, _, rep := tables(t, path, rules, 1)
	expect(t, "labels", column(t, packets, "label"), "web scan dos benign")
	if c := rep.Tables[0].Conflicts; c != 1 {
		t.Errorf("%d conflicts", c)
	}
}

func TestFiltersSeePacketsAndFlowsKnowOfThem(t *testing.T) {
	path := capture(t,
		segment{sport: 1000, payload: "GET"},
		segment{sport: 1000, back: true},
		segment{sport: 2000},
		segment{sport: 3000, payload: "POST"},
	)
	const rules = `
zone: UTC
rules:
  - {id: get, filter: "tcp[20:2] = 0x4745", dst: 192.0.2.2, label: get}
  - {id: rest, label: benign}
`
	for _, workers := range []int{1, 3} {
		packets, flows, rep := tables(t, path, rulesFrom(t, rules), workers)
		expect(t, "packets", column(t, packets, "label"), "get benign benign benign")
		expect(t, "flows", column(t, flows, "label"), "get benign benign")
		if rep.Problem() != "" || len(rep.Inapplicable) != 0 {
			t.Errorf("problem %q, inapplicable %v", rep.Problem(), rep.Inapplicable)
		}
	}
}

// TestStoredTablesCannotAnswerFilters: rows that such a rule may be about are
// unknown, not benign by the rule behind it.
func TestStoredTablesCannotAnswerFilters(t *testing.T) {
	path := capture(t, segment{sport: 1000, payload: "GET"}, segment{sport: 1000, back: true}, segment{sport: 2000})
	packets, flows, _ := tables(t, path, rulesFrom(t, "zone: UTC\nrules:\n- {label: benign}\n"), 1)
	rules := rulesFrom(t, `
zone: UTC
rules:
  - {id: get, filter: "tcp[20:2] = 0x4745", src_port: 1000, label: get}
  - {id: many, when: fwd_packets > 5, src_port: 2000, label: flood}
  - {id: rest, label: benign}
`)
	for table, want := range map[string]string{packets: "- - -", flows: "- benign"} {
		a, err := label.NewAnnotator(rules, []string{"a.pcapng"})
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "out.parquet")
		if _, err := transform.Rewrite(context.Background(), table, transform.Output{Path: out}, a, nil); err != nil {
			t.Fatal(err)
		}
		expect(t, "labels", column(t, out, "label"), want)
		rep := label.NewReport(rules, a.Hits()...)
		if !strings.Contains(rep.Problem(), "no table can answer") {
			t.Errorf("problem %q", rep.Problem())
		}
		if table == packets && (rep.Tables[0].Open != 3 || len(rep.Inapplicable) != 2) || table == flows && rep.Tables[0].Open != 1 {
			t.Errorf("report %+v, inapplicable %+v", rep.Tables[0], rep.Inapplicable)
		}
		expect(t, "rules", slices.Compact(column(t, out, "label_rule"))[:1], "get")
	}
}

func TestAttemptedAttacksAndTheirCauses(t *testing.T) {
	path := capture(t, segment{sport: 1000, payload: "x"}, segment{sport: 2000}, segment{sport: 3000, payload: "xyz"}, segment{sport: 4000})
	rules := rulesFrom(t, `
zone: UTC
rules:
  - id: a
    src_port: [1000, 2000, 3000]
    label: dos
    attempted:
      - {cause: -1, when: fwd_payload_bytes > 2}
      - {cause: 0, when: fwd_payload_bytes == 0}
      - {cause: 3, when: fwd_payload_bytes < 10}
  - {id: b, src_port: 4000, label: benign}
`)
	packets, flows, rep := tables(t, path, rules, 1)
	expect(t, "flows", column(t, flows, "label_attempted"), "true true false -")
	expect(t, "causes", column(t, flows, "label_cause"), "3 0 -1 -")
	expect(t, "packets, which have no such columns", column(t, packets, "label_attempted"), "- - - -")
	expect(t, "sources", column(t, packets, "label_source")[:1], "rules.yaml")
	if rep.Tables[1].Attempted != 2 || rep.Tables[0].Attempted != 0 {
		t.Errorf("report %+v", rep.Tables)
	}
}

func TestUnknownByRuleIsUnknown(t *testing.T) {
	path := capture(t, segment{sport: 1000}, segment{sport: 2000}, segment{sport: 3000})
	packets, _, rep := tables(t, path, rulesFrom(t, `
zone: UTC
rules:
  - {id: bg, src_port: 1000, label: background, class: unknown}
  - {id: bot, src_port: 3000, label: botnet}
  - {id: rest, label: benign}
`), 1)
	expect(t, "labels", column(t, packets, "label"), "- benign botnet")
	expect(t, "classes", column(t, packets, "label_class"), "unknown benign attack")
	expect(t, "rules", column(t, packets, "label_rule"), "bg rest bot")
	if u := rep.Tables[0].Unknown; u != 1 {
		t.Errorf("%d unknown", u)
	}
}

func TestLabelsByChanceAreTheSameForAnyWorkers(t *testing.T) {
	segments := make([]segment, 200)
	for i := range segments {
		segments[i].sport = layers.TCPPort(1000 + i)
	}
	path := capture(t, segments...)
	seed := uint64(7)
	rules, err := label.LoadWith(filepath.Join("testdata", "import", "antinex-random.json"), label.Options{Seed: &seed})
	if err != nil {
		t.Fatal(err)
	}
	p1, f1, rep := tables(t, path, rules, 1)
	p2, f2, _ := tables(t, path, rules, 3)
	if !slices.Equal(column(t, p1, "label"), column(t, p2, "label")) || !slices.Equal(column(t, f1, "label"), column(t, f2, "label")) {
		t.Error("one worker and three draw differently")
	}
	// 15 of 101 numbers are above 85.
	if a := rep.Tables[0].Attack; a < 10 || a > 60 {
		t.Errorf("%d of 200 rows are attacks", a)
	}
}

func TestLabelsByDirectoryNameAndConstant(t *testing.T) {
	names := []string{"benign/a[1].pcap.zst", "Neris/b.c.pcap", "Neris/c.pcap"}
	dirs, err := label.ByDirectory(names)
	if err != nil {
		t.Fatal(err)
	}
	files, err := label.ByName(names)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"benign a[1]", "Neris b", "Neris c"} {
		if got := dirs.List[i].Label + " " + files.List[i].Label; got != want {
			t.Errorf("%s: %s; want %s", names[i], got, want)
		}
	}
	if dirs.List[0].Class != label.Benign || dirs.List[1].Class != label.Attack {
		t.Error("classes")
	}
	if _, err := label.ByDirectory([]string{"a.pcap"}); err == nil {
		t.Error("a name without a folder gave a label")
	}
	path := capture(t, segment{sport: 1000}, segment{sport: 2000})
	rest, err := label.Constant("normal")
	if err != nil {
		t.Fatal(err)
	}
	byName, err := label.ByName([]string{"other.pcap"})
	if err != nil {
		t.Fatal(err)
	}
	packets, _, _ := tables(t, path, label.Merge(byName, rulesFrom(t, "zone: UTC\nrules:\n- {src_port: 2000, label: scan}\n"), rest), 1)
	expect(t, "labels", column(t, packets, "label"), "benign scan")
}
