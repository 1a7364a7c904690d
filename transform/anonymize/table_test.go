package anonymize

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
	"time"

	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// tablesOf makes the packets and the flows table of a capture.
func tablesOf(t testing.TB, capture, dir, ending string) (packets, flows string) {
	t.Helper()
	packets, flows = filepath.Join(dir, "packets"+ending), filepath.Join(dir, "flows"+ending)
	_, err := transform.Run(context.Background(), transform.Options{
		Inputs: []string{capture}, Packets: transform.Output{Path: packets}, Flows: transform.Output{Path: flows},
	})
	if err != nil && !errors.Is(err, transform.ErrDamaged) {
		t.Fatal(err)
	}
	return packets, flows
}

// cells reads a table as text: column, row; "\x00" where there is no value.
func cells(t testing.TB, path string) (names []string, columns map[string][]string) {
	t.Helper()
	in, err := source.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if s, ours := ourSchema(in.Schema()); ours && in.Metadata() == nil { // else 2.0 is a number
		in.Close()
		if in, err = source.OpenWith(path, source.Options{Schema: s}); err != nil {
			t.Fatal(err)
		}
	}
	defer in.Close()
	columns = map[string][]string{}
	b := schema.FromFields(in.Schema())
	for {
		err := in.Next(b)
		if err == io.EOF {
			return in.Schema().Names(), columns
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range b.Columns {
			name, at := c.Field().Name, 0
			for row := range b.Rows {
				cell := "\x00"
				if c.Presence().Has(row) {
					cell = string(c.AppendText(nil, at))
					at++
				}
				columns[name] = append(columns[name], cell)
			}
		}
	}
}

// differs says why a column of a table that was anonymised need not be that of
// the table of the anonymised capture; "" where it must be the same.
func differs(name string) string {
	base := strings.TrimPrefix(name, "inner_")
	for _, app := range []string{"dns_", "dhcp_", "dhcpv6_", "ntp_", "http_", "ssh_", "quic_", "tls_", "app_"} {
		if strings.HasPrefix(base, app) || strings.HasPrefix(base, "fwd_"+app) || strings.HasPrefix(base, "bwd_"+app) {
			return "an application's, which a masked capture has not"
		}
	}
	switch {
	case strings.HasSuffix(base, "_checksum"), base == "radiotap_fcs":
		return "0 in tables"
	case strings.Contains(base, "entropy"):
		return "of masked payload it is that of zeros"
	case base == "frame_protocols", base == "decode_error":
		return "they tell of applications"
	case base == "wlan_ssid":
		return "in a management frame's body, which is masked"
	case strings.HasPrefix(base, "svc_dns_"):
		return "an application's"
	case base == "dup_packets", base == "routed_packets":
		return "packets that differ in masked payload alone look like duplicates"
	}
	return ""
}

// TestTablesAgreeWithCaptures: to anonymise a capture and make tables of it
// is to make tables and to anonymise them.
func TestTablesAgreeWithCaptures(t *testing.T) {
	made, compared := map[string]int64{}, 0
	for _, path := range bundled(t) {
		if strings.Contains(path, "mac_flood") || strings.Contains(path, "_flood") && !strings.Contains(path, "icmp") {
			continue // many rows that tell nothing new
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			o := testOptions(t)
			o.Shift, o.Mask = 36*time.Hour, MaskHash
			if err := o.check(); err != nil {
				t.Fatal(err)
			}
			capture, _ := anonymous(t, o, path)
			first, second := t.TempDir(), t.TempDir()
			wantPackets, wantFlows := tablesOf(t, capture, first, ".parquet")
			packets, flows := tablesOf(t, path, second, ".parquet")
			for in, want := range map[string]string{packets: wantPackets, flows: wantFlows} {
				out := strings.TrimSuffix(in, ".parquet") + "-anon.parquet"
				rep, err := anonymizeTable(context.Background(), o, in, out)
				if err != nil {
					t.Fatal(err)
				}
				for k, n := range rep.Keys {
					made[k] += n
				}
				compared += compareTables(t, out, want)
			}
		})
	}
	if compared < 1_000_000 || made["community_id made anew"] < 10_000 || made["flow_key made anew"] < 10_000 ||
		made["community_id hashed"] > 20 {
		t.Errorf("%d cells compared, keys %v", compared, made)
	}
}

func compareTables(t *testing.T, got, want string) (compared int) {
	t.Helper()
	names, a := cells(t, got)
	others, b := cells(t, want)
	if !slices.Equal(names, others) {
		t.Fatal("the tables have other columns")
	}
	for _, name := range names {
		if differs(name) != "" {
			continue
		}
		if len(a[name]) != len(b[name]) {
			t.Fatalf("%s: %d rows and %d", name, len(a[name]), len(b[name]))
		}
		for row := range a[name] {
			compared++
			if a[name][row] == b[name][row] || name == "flow_key" && echoes(a, row) || name == "payload" && !transported(a, row) {
				continue
			}
			t.Errorf("%s: %s row %d: %q in the table, %q of the capture", filepath.Base(got), name, row+1, a[name][row], b[name][row])
			break
		}
	}
	return compared
}

// transported reports whether a packet's payload is all that is above TCP or
// UDP. Of other protocols a capture shows what is understood, and a table masks all.
func transported(columns map[string][]string, row int) bool {
	for _, name := range []string{"tcp_src_port", "udp_src_port", "inner_tcp_src_port", "inner_udp_src_port"} {
		if columns[name][row] != "\x00" {
			return columns["gtp_len"][row] == "\x00" && columns["sctp_vtag"][row] == "\x00"
		}
	}
	return false
}

// echoes reports whether a row is of a conversation with an echo identifier,
// whose flow_key is always hashed.
func echoes(columns map[string][]string, row int) bool {
	for name, types := range map[string]string{"icmp_type": "0 8", "icmpv6_type": "128 129"} {
		for _, prefix := range []string{"", "inner_"} {
			if c := columns[prefix+name]; c != nil && c[row] != "\x00" && slices.Contains(strings.Fields(types), c[row]) {
				return true
			}
		}
	}
	// In a flows table both families have one column.
	c := columns["ip_proto"]
	return c != nil && c[row] == "58" && slices.Contains([]string{"128", "129"}, columns["icmp_type"][row])
}

// TestFormats: what one format says every format says, though those of text do
// not say kinds and roles.
func TestFormats(t *testing.T) {
	o, dir := testOptions(t), t.TempDir()
	var want map[string][]string
	for _, ending := range []string{".parquet", ".arrow", ".jsonl", ".csv"} {
		packets, _ := tablesOf(t, bundledLab+"/web_traversal.pcapng.zst", dir, ending)
		out := filepath.Join(dir, "anon"+ending)
		rep, err := anonymizeTable(context.Background(), o, packets, out)
		if err != nil {
			t.Fatal(err)
		}
		if u := rep.Columns[unexamined]; u != nil {
			t.Errorf("%s: nobody knows columns %v", ending, u)
		}
		_, got := cells(t, out)
		if want == nil {
			want = got
			continue
		}
		for name, column := range got {
			if !slices.Equal(blank(column), blank(want[name])) {
				t.Errorf("%s: column %s is another than in Parquet", ending, name)
			}
		}
		leavesNothing(t, packets, out)
	}
}

// blank makes nulls and empty texts alike, which CSV does.
func blank(column []string) []string {
	out := slices.Clone(column)
	for i, c := range out {
		if c == "\x00" {
			out[i] = ""
		}
	}
	return out
}

// leavesNothing searches the output, which is of text, for names and addresses of the original.
func leavesNothing(t *testing.T, in, out string) {
	t.Helper()
	if strings.HasSuffix(in, ".arrow") {
		return
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	_, columns := cells(t, in)
	found := map[string]bool{}
	for _, name := range []string{"ip_src", "ip_dst", "eth_src", "ipv6_src", "dns_qname", "http_host", "http_target", "http_user_agent", "ssh_banner", "tls_sni", "community_id", "payload"} {
		for _, v := range columns[name] {
			special := strings.HasPrefix(v, "ff") || strings.HasPrefix(v, "00:00:00:00") || strings.HasPrefix(v, "2") || strings.HasPrefix(v, "0.0.0.0")
			if len(v) < 8 || special || strings.Trim(v, "0") == "" || found[v] {
				continue
			}
			found[v] = true
			if bytes.Contains(data, []byte(v)) {
				t.Errorf("%s: %s %q is still there", out, name, v)
				break
			}
		}
	}
	if len(found) < 100 {
		t.Errorf("%d values searched for: too few to tell", len(found))
	}
}

// TestForeignTables: texts of anybody's table are hashed unless they are
// addresses; numbers stay and are reported.
func TestForeignTables(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out.csv")
	if err := os.WriteFile(in, []byte("src,user,bytes,label\n10.1.2.3,alice,7,benign\n10.1.2.4,bob,8,attack\nunknown,alice,9,benign\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := testOptions(t)
	rep, err := anonymizeTable(context.Background(), o, in, out)
	if err != nil {
		t.Fatal(err)
	}
	_, c := cells(t, out)
	p := NewPseudonyms(o)
	want := string(p.any(nil, []byte("10.1.2.3")))
	if c["src"][0] != want || c["src"][2] == "unknown" || c["user"][0] == "alice" || c["user"][0] != c["user"][2] || c["user"][0] == c["user"][1] ||
		c["bytes"][1] != "8" || c["label"][1] != "attack" {
		t.Errorf("%v", c)
	}
	if !slices.Equal(rep.Columns[unexamined], []string{"bytes"}) {
		t.Errorf("columns %v", rep.Columns)
	}
}

// TestMetadata: captures are named by pseudonyms, what is unknown is left out.
func TestMetadata(t *testing.T) {
	o, dir := testOptions(t), t.TempDir()
	packets, flows := tablesOf(t, bundledLab+"/scan_sweep.pcapng.zst", dir, ".parquet")
	var inputs []string
	for _, in := range []string{packets, flows} {
		out := in + "-anon.parquet"
		if _, err := anonymizeTable(context.Background(), o, in, out); err != nil {
			t.Fatal(err)
		}
		tab, err := source.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		m := tab.Metadata()
		tab.Close()
		if m[transform.MetaTable] == "" || m[transform.MetaSchema] != tab.Schema().Hash() || strings.Contains(m[transform.MetaInputs], "sweep") {
			t.Errorf("metadata %v", m)
		}
		inputs = append(inputs, m[transform.MetaInputs])
		text, err := os.ReadFile(out)
		if err != nil || bytes.Contains(text, []byte("scan_sweep")) {
			t.Errorf("%s names the capture, %v", out, err)
		}
	}
	if inputs[0] != inputs[1] {
		t.Errorf("one capture is %s and %s", inputs[0], inputs[1])
	}
	m, err := rewriteMetadata(o, map[string]string{"pcapline.labels": "10.0.0.1 is evil"}, &TableReport{})
	if err != nil || len(m) != 0 {
		t.Errorf("%v, %v", m, err)
	}
}

// TestEveryColumnIsTreated: columns that name somebody are not kept.
func TestEveryColumnIsTreated(t *testing.T) {
	keptKinds := []string{"tls_ja3", "tls_ja3s", "tls_ja4", "ssh_hassh", "ssh_hassh_server", "icmp_addr_mask", "inner_icmp_addr_mask"}
	for _, f := range layer.NewTable(layer.Options{}).Batch().Schema() {
		done := treat(f, true).name
		named := f.Role == schema.Payload || f.Role == schema.Identity && !f.Kind.Numeric() || f.Kind >= schema.IPv4Addr && f.Kind <= schema.IPAddr
		if named && (done == kept || done == unexamined) && !slices.Contains(keptKinds, f.Name) {
			t.Errorf("%s (%s, %s) is %s", f.Name, f.Type(), f.Role, done)
		}
		if f.Kind == schema.Binary && done == kept {
			t.Errorf("%s: bytes are kept", f.Name)
		}
	}
}
