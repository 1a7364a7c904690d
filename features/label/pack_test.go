package label

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// flowsOf makes a batch of the flows table; columns that a row does not name
// are null, or zero where they cannot be.
func flowsOf(t *testing.T, rows []map[string]string) *schema.Batch {
	t.Helper()
	b := schema.FromFields(flow.Schema())
	zero := map[schema.Kind]string{schema.Bool: "false", schema.Timestamp: "1970-01-01T00:00:00Z", schema.MACAddr: "00:00:00:00:00:00", schema.String: "", schema.IPAddr: ""}
	for i, values := range rows {
		for _, c := range b.Columns {
			text, given := values[c.Field().Name]
			if !given {
				if c.Field().Nullable || c.Field().List {
					continue
				}
				if text, given = zero[c.Field().Kind]; !given {
					text = "0"
				}
			}
			if err := schema.SetText(c, i, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		b.Rows++
	}
	b.Finish()
	return b
}

// TestPacksSayWhatTheirSourceSays applies the packs to flows of which the
// notebooks of Liu et al. say what they are. A flow is: start in epoch
// seconds, source, port, destination, port, forward and backward packets,
// forward and backward payload bytes, duration in seconds.
func TestPacksSayWhatTheirSourceSays(t *testing.T) {
	const a, v = "172.16.0.1", "192.168.10.50"
	for _, c := range []struct{ pack, flow, want string }{
		{"cic-ids2017", "1499170673 " + a + " 52000 " + v + " 21 10 10 100 100 1", "ftp_patator attack -1"},
		{"cic-ids2017", "1499170673 " + a + " 52000 " + v + " 21 10 10 0 100 1", "ftp_patator attack 0"},
		{"cic-ids2017", "1499170673 " + a + " 52108 " + v + " 21 10 10 100 100 1", "ftp_patator attack 2"},
		{"cic-ids2017", "1499170673 " + a + " 52000 " + v + " 80 10 10 100 100 1", "benign benign -"},
		{"cic-ids2017", "1499180000 " + a + " 52000 " + v + " 21 10 10 100 100 1", "benign benign -"},
		{"cic-ids2017", "1499188142 " + a + " 52000 " + v + " 22 3 2 32 0 1", "ssh_patator attack 3"},
		{"cic-ids2017", "1499188142 " + a + " 52000 " + v + " 22 3 2 0 40 1", "ssh_patator attack 0"},
		{"cic-ids2017", "1499258926.5 " + a + " 1 " + v + " 80 3 2 32 0 0.1", "dos_slowloris attack 5"},
		{"cic-ids2017", "1499259000 " + a + " 54114 " + v + " 80 3 2 32 0 0.1", "dos_slowloris attack 4"},
		{"cic-ids2017", "1499259000 " + v + " 80 " + a + " 40000 3 2 32 0 0.2", "dos_slowloris attack 6"},
		{"cic-ids2017", "1499262250 " + a + " 48678 " + v + " 80 3 2 100 0 0.1", "dos_hulk attack 4"},
		{"cic-ids2017", "1499262350 " + a + " 48678 " + v + " 80 3 2 100 0 0.1", "dos_hulk attack -1"},
		{"cic-ids2017", "1499262350 " + a + " 1 " + v + " 80 3 2 281 0 0.1", "dos_hulk attack 3"},
		{"cic-ids2017", "1499262350 " + a + " 1 " + v + " 80 3 2 282 0 0.1", "dos_hulk attack -1"},
		{"cic-ids2017", "1499278400 " + a + " 45022 192.168.10.51 444 3 2 282 0 0.1", "heartbleed attack -1"},
		{"cic-ids2017", "1499278400 " + a + " 45023 192.168.10.51 444 3 2 282 0 0.1", "benign benign -"},
		{"cic-ids2017", "1499344000 " + a + " 1 " + v + " 80 21 2 282 0 0.1", "web_attack_brute_force attack -1"},
		{"cic-ids2017", "1499344000 " + a + " 44464 " + v + " 80 3 2 0 0 0.1", "web_attack_brute_force attack -1"},
		{"cic-ids2017", "1499344000 " + a + " 1 " + v + " 80 5 5 9 9 0.1", "web_attack_brute_force attack 4"},
		{"cic-ids2017", "1499344000 " + a + " 1 " + v + " 80 6 5 9 9 0.1", "benign benign -"},
		{"cic-ids2017", "1499344000 " + a + " 1 " + v + " 80 6 5 0 9 0.1", "web_attack_brute_force attack 0"},
		{"cic-ids2017", "1499347000 " + a + " 1 " + v + " 80 150 5 9 9 0.1", "web_attack_xss attack -1"},
		{"cic-ids2017", "1499347000 " + a + " 1 " + v + " 80 149 5 9 9 0.1", "web_attack_xss attack 2"},
		{"cic-ids2017", "1499347000 " + a + " 36180 " + v + " 80 150 5 9 9 0.1", "benign benign -"},
		{"cic-ids2017", "1499365000 192.168.10.8 1 192.168.10.12 22 1 1 0 0 0", "infiltration_portscan attack -1"},
		{"cic-ids2017", "1499365000 192.168.10.8 1 " + v + " 22 1 1 176 0 0", "benign benign -"},
		{"cic-ids2017", "1499440000 192.168.10.8 1 205.174.165.73 8080 1 1 0 0 0", "botnet attack 1"},
		{"cic-ids2017", "1499600000 192.168.10.8 1 192.168.10.3 53 1 1 9 9 0", "- unknown -"},

		{"cse-cic-ids2018", "1518619000 18.221.219.4 1 172.31.69.25 21 1 1 9 9 0", "ftp_bruteforce attack 1"},
		{"cse-cic-ids2018", "1518701300 18.219.211.138 1 172.31.69.25 80 1 1 9 0 101 0 1", "dos_goldeneye attack 6"},
		{"cse-cic-ids2018", "1518701300 18.219.211.138 1 172.31.69.25 80 1 1 9 9 1 1 0", "dos_goldeneye attack 4"},
		{"cse-cic-ids2018", "1518701300 18.219.211.138 1 172.31.69.25 80 1 1 9 9 6 1 0", "dos_goldeneye attack -1"},
		{"cse-cic-ids2018", "1519309100 18.218.115.60 1 172.31.69.28 80 20 1 9 9 6", "web_attack_brute_force attack 5"},
		{"cse-cic-ids2018", "1519322000 18.218.115.60 64144 172.31.69.28 80 20 1 0 9 6", "web_attack_xss attack 3"},
		{"cse-cic-ids2018", "1519405300 18.218.115.60 59173 172.31.69.28 80 20 1 0 9 6", "web_attack_xss attack 0"},
		{"cse-cic-ids2018", "1519330600 18.218.115.60 1 172.31.69.28 80 20 1 9 0 6", "benign benign -"},
		{"cse-cic-ids2018", "1520020430 172.31.69.6 1 18.219.211.138 8080 20 1 9 9 6 0 1", "botnet_ares attack 2"},
		{"cse-cic-ids2018", "1520010000 172.31.69.6 1 18.219.211.138 8080 20 1 9 9 6 0 1", "botnet_ares attack -1"},
		{"cse-cic-ids2018", "1519830000 172.31.69.24 68 172.31.69.1 67 1 1 9 9 6 0 0 17", "benign benign -"},
		{"cse-cic-ids2018", "1519830000 172.31.69.24 680 172.31.69.1 67 1 1 9 9 6 0 0 17", "infiltration_portscan attack -1"},
	} {
		rules, err := Pack(c.pack)
		if err != nil {
			t.Fatal(err)
		}
		an, err := NewAnnotator(rules, []string{"a.pcap"})
		if err != nil {
			t.Fatal(err)
		}
		an.Annotate(flowsOf(t, []map[string]string{packFlow(t, c.flow)}))
		an.Batch().Finish()
		label, cause := "-", "-"
		if an.out.Label.Has(0) {
			label = string(an.out.Label.V[0])
		}
		if an.out.Cause.Has(0) {
			cause = fmt.Sprint(an.out.Cause.V[0])
		}
		if got := fmt.Sprintf("%s %s %s", label, an.out.Class.V[0], cause); got != c.want {
			t.Errorf("%s: %s is %s; want %s", c.pack, c.flow, got, c.want)
		}
	}
}

// packFlow reads a flow as the test writes it; behind the duration may follow
// packets with RST, forward and backward, and the protocol.
func packFlow(t *testing.T, text string) map[string]string {
	t.Helper()
	f := strings.Fields(text)
	f = append(f, []string{"0", "0", "6"}[len(f)-10:]...)
	start, err := ParseEpoch(f[0])
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"ts_ns": fmt.Sprint(start), "ts_end_ns": fmt.Sprint(start + 1000), "ts": string(schema.Micros(start / 1000).AppendTo(nil)),
		"src_ip": f[1], "src_port": f[2], "dst_ip": f[3], "dst_port": f[4], "ip_proto": f[12], "ether_type": "2048",
		"fwd_packets": f[5], "bwd_packets": f[6], "fwd_payload_bytes": f[7], "bwd_payload_bytes": f[8], "duration": f[9],
		"fwd_payload_max": f[7], "fwd_tcp_rst": f[10], "bwd_tcp_rst": f[11],
	}
}
