package names

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// labels are the label columns that formulas may read; package label, which
// declares them, lies behind this one.
var labels = schema.Schema{
	{Name: "label", Kind: schema.String, Nullable: true, Role: schema.Label},
	{Name: "label_category", Kind: schema.String, Nullable: true, Role: schema.Label},
	{Name: "label_class", Kind: schema.String, Role: schema.Label},
	{Name: "label_rule", Kind: schema.String, Nullable: true, Role: schema.Label},
}

// The columns of each tool, as the tool itself lists them: CICFlowMeter's
// FlowFeature.getHeader, to_pandas of nfstream 6.6 (splt_analysis=20),
// and Conn::Info of Zeek 8 with its community-id-logging policy.
var headers = map[string]string{
	"cicflowmeter": "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Total Fwd Packet,Total Bwd packets," +
		"Total Length of Fwd Packet,Total Length of Bwd Packet,Fwd Packet Length Max,Fwd Packet Length Min,Fwd Packet Length Mean," +
		"Fwd Packet Length Std,Bwd Packet Length Max,Bwd Packet Length Min,Bwd Packet Length Mean,Bwd Packet Length Std,Flow Bytes/s," +
		"Flow Packets/s,Flow IAT Mean,Flow IAT Std,Flow IAT Max,Flow IAT Min,Fwd IAT Total,Fwd IAT Mean,Fwd IAT Std,Fwd IAT Max," +
		"Fwd IAT Min,Bwd IAT Total,Bwd IAT Mean,Bwd IAT Std,Bwd IAT Max,Bwd IAT Min,Fwd PSH Flags,Bwd PSH Flags,Fwd URG Flags," +
		"Bwd URG Flags,Fwd Header Length,Bwd Header Length,Fwd Packets/s,Bwd Packets/s,Packet Length Min,Packet Length Max," +
		"Packet Length Mean,Packet Length Std,Packet Length Variance,FIN Flag Count,SYN Flag Count,RST Flag Count,PSH Flag Count," +
		"ACK Flag Count,URG Flag Count,CWR Flag Count,ECE Flag Count,Down/Up Ratio,Average Packet Size,Fwd Segment Size Avg," +
		"Bwd Segment Size Avg,Fwd Bytes/Bulk Avg,Fwd Packet/Bulk Avg,Fwd Bulk Rate Avg,Bwd Bytes/Bulk Avg,Bwd Packet/Bulk Avg," +
		"Bwd Bulk Rate Avg,Subflow Fwd Packets,Subflow Fwd Bytes,Subflow Bwd Packets,Subflow Bwd Bytes,FWD Init Win Bytes," +
		"Bwd Init Win Bytes,Fwd Act Data Pkts,Fwd Seg Size Min,Active Mean,Active Std,Active Max,Active Min,Idle Mean,Idle Std," +
		"Idle Max,Idle Min,Label",
	"nfstream": "id,expiration_id,src_ip,src_mac,src_oui,src_port,dst_ip,dst_mac,dst_oui,dst_port,protocol,ip_version,vlan_id,tunnel_id," +
		"bidirectional_first_seen_ms,bidirectional_last_seen_ms,bidirectional_duration_ms,bidirectional_packets,bidirectional_bytes," +
		"src2dst_first_seen_ms,src2dst_last_seen_ms,src2dst_duration_ms,src2dst_packets,src2dst_bytes,dst2src_first_seen_ms," +
		"dst2src_last_seen_ms,dst2src_duration_ms,dst2src_packets,dst2src_bytes,bidirectional_min_ps,bidirectional_mean_ps," +
		"bidirectional_stddev_ps,bidirectional_max_ps,src2dst_min_ps,src2dst_mean_ps,src2dst_stddev_ps,src2dst_max_ps,dst2src_min_ps," +
		"dst2src_mean_ps,dst2src_stddev_ps,dst2src_max_ps,bidirectional_min_piat_ms,bidirectional_mean_piat_ms," +
		"bidirectional_stddev_piat_ms,bidirectional_max_piat_ms,src2dst_min_piat_ms,src2dst_mean_piat_ms,src2dst_stddev_piat_ms," +
		"src2dst_max_piat_ms,dst2src_min_piat_ms,dst2src_mean_piat_ms,dst2src_stddev_piat_ms,dst2src_max_piat_ms," +
		"bidirectional_syn_packets,bidirectional_cwr_packets,bidirectional_ece_packets,bidirectional_urg_packets," +
		"bidirectional_ack_packets,bidirectional_psh_packets,bidirectional_rst_packets,bidirectional_fin_packets,src2dst_syn_packets," +
		"src2dst_cwr_packets,src2dst_ece_packets,src2dst_urg_packets,src2dst_ack_packets,src2dst_psh_packets,src2dst_rst_packets," +
		"src2dst_fin_packets,dst2src_syn_packets,dst2src_cwr_packets,dst2src_ece_packets,dst2src_urg_packets,dst2src_ack_packets," +
		"dst2src_psh_packets,dst2src_rst_packets,dst2src_fin_packets,splt_direction,splt_ps,splt_piat_ms,label,label_category,label_class",
	"zeek": "ts,uid,id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto,service,duration,orig_bytes,resp_bytes,conn_state,local_orig,local_resp," +
		"missed_bytes,history,orig_pkts,orig_ip_bytes,resp_pkts,resp_ip_bytes,tunnel_parents,ip_proto,community_id,label,detailed-label",
}

func TestColumnsAreTheToolsOwn(t *testing.T) {
	native := append(flow.Schema(), labels...)
	for _, d := range Dialects {
		s, err := d.Schema(native)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.Names(), ","); got != headers[d.Name] {
			t.Errorf("%s:\n%s\nwant\n%s", d.Name, got, headers[d.Name])
		}
		bare, err := d.Schema(flow.Schema())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range bare {
			if f.Role == schema.Label {
				t.Errorf("%s: %q is there without labels", d.Name, f.Name)
			}
		}
	}
}

// TestMissing: a table that lacks what a column is made of is refused by name.
func TestMissing(t *testing.T) {
	short := slices.DeleteFunc(flow.Schema(), func(f *schema.Field) bool { return f.Name == "fwd_packets" })
	for _, d := range Dialects {
		if _, err := New(d, short); err == nil || !strings.Contains(err.Error(), "fwd_packets") {
			t.Errorf("%s: error %v", d.Name, err)
		}
	}
	if d, err := ByName(Native); d != nil || err != nil {
		t.Errorf("native is %v, %v", d, err)
	}
	if _, err := ByName("argus"); err == nil || !strings.Contains(err.Error(), "native, cicflowmeter, nfstream, zeek") {
		t.Errorf("error %v does not list the names", err)
	}
}

// TestTranslate runs packets through the flow table and looks at the cells
// that are more than a copy.
func TestTranslate(t *testing.T) {
	const start = 1517232995_000001_000
	src, dst := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("200.0.0.9")
	tcp := func(ms int, back bool, flags uint16, payload uint32) flow.Digest {
		d := flow.Digest{
			Time: start + int64(ms)*1e6, Src: src, Dst: dst, SrcPort: 1234, DstPort: 443, Proto: 6, EtherType: 0x0800,
			HeaderLen: 20, TCPFlags: flags, PayloadLen: payload, WireLen: 54 + payload, IPLen: 40 + payload, Window: 100, DNSRcode: -1,
			SrcMAC: [6]byte{2, 0, 0xab}, TTL: 64,
		}
		if back {
			d.Src, d.Dst, d.SrcPort, d.DstPort = dst, src, 443, 1234
		}
		return d
	}
	echo := flow.Digest{Time: start + 5e9, Src: dst, Dst: src, Proto: 1, EtherType: 0x0800, ICMPType: 8, ICMPID: 7, WireLen: 60, DNSRcode: -1}
	arp := flow.Digest{Time: start + 6e9, Src: src, Dst: dst, EtherType: 0x0806, ARPOp: 1, WireLen: 60, DNSRcode: -1}
	packets := []flow.Digest{
		tcp(0, false, 0x02, 0), tcp(1, true, 0x12, 0), tcp(3, false, 0x10, 0), tcp(4, false, 0x18, 100), tcp(8, true, 0x18, 7), echo, arp,
	}
	want := map[string][]string{ // by column, a cell for each of the three flows
		"cicflowmeter": {
			"Flow ID=200.0.0.9-10.0.0.1-443-1234-6|200.0.0.9-10.0.0.1-0-0-1|200.0.0.9-10.0.0.1-0-0-0",
			"Src IP=10.0.0.1|200.0.0.9|10.0.0.1", "Src Port=1234|0|0", "Protocol=6|1|0",
			"Timestamp=2018-01-29 13:36:35.000001|2018-01-29 13:36:40.000001|2018-01-29 13:36:41.000001",
			"Flow Duration=8000|0|0", "Total Fwd Packet=3|1|1", "Flow Bytes/s=13375|0|0", "Flow Packets/s=625|0|0",
			"Fwd IAT Total=4000|0|0", "Bwd IAT Total=7000|0|0", "Fwd IAT Max=3000|0|0", "Bwd Packet Length Std=4.949747468305833|0|0",
			"Packet Length Variance=1939.8|0|0", "SYN Flag Count=2|0|0", "PSH Flag Count=2|0|0",
			"Subflow Fwd Packets=3|1|1", "Fwd Bytes/Bulk Avg=0|0|0", "Fwd Seg Size Min=20|0|0", "FIN Flag Count=0|0|0", "FWD Init Win Bytes=100|0|0", "Active Max=8000|0|0", "Idle Max=0|0|0",
		},
		"nfstream": {
			"expiration_id=0|0|0", "src_oui=02:00:ab|00:00:00|00:00:00", "ip_version=4|4|0", "protocol=6|1|0",
			"bidirectional_first_seen_ms=1517232995000|1517233000000|1517233001000", "bidirectional_duration_ms=8|0|0",
			"src2dst_duration_ms=4|0|0", "bidirectional_ack_packets=4|0|0", "src2dst_ack_packets=2|0|0", "dst2src_max_piat_ms=7|0|0",
			"splt_direction=0;1;0;0;1|0|0", "splt_ps=0;0;0;100;7|0|60", "splt_piat_ms=0;1;2;1;4|0|0",
		},
		"zeek": {
			"id.orig_p=1234|8|0", "id.resp_p=443|0|0", "proto=tcp|icmp|unknown_transport", "duration=0.008|∅|∅", "orig_bytes=100|∅|∅",
			"orig_ip_bytes=220|0|0", "missed_bytes=0|0|0",
			"local_orig=true|false|true", "local_resp=false|true|false", "history=ShADd|∅|∅", "conn_state=S1|OTH|OTH", "service=∅|∅|∅", "ip_proto=6|1|∅",
		},
	}
	for _, d := range Dialects {
		rows := translated(t, d, packets)
		for _, cell := range want[d.Name] {
			name, value, _ := strings.Cut(cell, "=")
			if got := strings.Join(rows[name], "|"); got != value {
				t.Errorf("%s, %s: %s, want %s", d.Name, name, got, value)
			}
		}
	}
}

// translated gives the flows of packets under a dialect's names, column by
// column, as text.
func translated(t *testing.T, d *Dialect, packets []flow.Digest) map[string][]string {
	t.Helper()
	tr, err := New(d, flow.Schema())
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	tab := flow.NewTable(flow.Config{Rows: flow.EachBatch(func(b *schema.Batch) error {
		tr.Translate(b)
		for _, c := range tr.Batch().Columns {
			next := 0
			for row := range tr.Batch().Rows {
				cell := "∅"
				if c.Presence().Has(row) {
					cell = string(c.AppendText(nil, next))
					next++
				}
				rows[c.Field().Name] = append(rows[c.Field().Name], cell)
			}
		}
		return nil
	})})
	for i := range packets {
		tab.Add(&packets[i])
	}
	if err := tab.Finish(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestUID: as long as Zeek's, and not the same for two flows.
func TestUID(t *testing.T) {
	seen := map[string]bool{}
	var packets []flow.Digest
	for i := range 300 {
		packets = append(packets, flow.Digest{
			Time: int64(i), Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2"),
			SrcPort: uint16(i), DstPort: 53, Proto: 17, EtherType: 0x0800, HeaderLen: 8, WireLen: 60, DNSRcode: -1,
		})
	}
	for _, uid := range translated(t, &zeek, packets)["uid"] {
		if uid[0] != 'C' || len(uid) < 15 || len(uid) > 18 || seen[uid] {
			t.Errorf("uid %s", uid)
		}
		seen[uid] = true
	}
}

func TestLabels(t *testing.T) {
	b := schema.FromFields(append(flow.Schema(), labels...))
	class := b.Column("label_class").(*schema.Values[schema.Text])
	row := row{columns: make([]cells, 1)}
	for _, c := range []struct{ class, want string }{{"benign", "Benign true"}, {"attack", "Malicious true"}, {"unknown", " false"}} {
		class.V = []schema.Text{schema.Text(c.class)}
		row.columns[0] = cellsOf(class)
		text, ok := zeekLabel.write(nil, &row)
		if got := fmt.Sprintf("%s %t", text, ok); got != c.want {
			t.Errorf("%s is %s, want %s", c.class, got, c.want)
		}
	}
}

func TestPrivate(t *testing.T) {
	for addr, want := range map[string]bool{
		"10.1.2.3": true, "172.32.0.1": false, "100.64.0.1": true, "8.8.8.8": false, "fd00::1": true, "2606:4700::1": false,
		"2002:0a00:0001::1": true, "2002:0808:0808::1": false, "::ffff:10.0.0.1": false,
	} {
		if isPrivate(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s: private is not %t", addr, want)
		}
	}
}
